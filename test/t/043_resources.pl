# Where something is short: file descriptors, memory, space for WAL, the library itself. What can be done is done, the rest waits and says why.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider worker_pid insert_orders is_idle is_up wait_until every_order_is_there_once);

my $db = 'postgres';

sub said { my ($node, $pattern) = @_; return scalar(() = slurp_file($node->logfile) =~ /$pattern/g); }

sub synchronized
{
    my ($node, $condition, $what) = @_;
    return ok($node->poll_query_until($db, "SELECT count(*) > 0 AND bool_and(sync_state = 'synchronized') FROM cmms.work_order WHERE $condition"), $what)
      || diag($node->safe_psql($db, "SELECT sync_state, last_error, count(*) FROM cmms.work_order WHERE $condition GROUP BY 1, 2"));
}

# The library is not preloaded: everything but sending works, and says what is missing.
my $node = new_node('resources', q(shared_preload_libraries = ''));
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');
my $simulator = start_simulator();
connect_provider($node, $db, 'plant_a', $simulator, import_since => '2100-01-01');
insert_orders($node, $db, 'plant_a', 3);
my ($status, $output, $errors) = $node->psql($db, 'SELECT cmms.wait_until_idle()');
like($errors, qr/no sync worker can run on this server.*Add pg_cmms to shared_preload_libraries and restart the server/s,
    'without the preload, who waits hears what to do');
is($node->safe_psql($db, "SELECT pending || ' ' || armed FROM cmms.sync_health"), '3 true', 'the changes wait');
is($node->safe_psql($db, 'SELECT authenticated FROM cmms.test_connection($$plant_a$$)'), 't', 'and a connection can be tested');
is($simulator->summary->{orders}, 0, 'nothing is sent');

# 300 file descriptors, and providers that would use 480 connections.
my $providers = 30;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cmms'\nmax_files_per_process = 1000\ncmms.max_connections = 256");
system_or_bail('prlimit', '--pid', $$, '--nofile=300:');
$node->restart;
my ($hard) = run_command([ 'prlimit', '--pid', $$, '--nofile', '--noheadings', '--output', 'HARD' ]);
$hard =~ s/\s//g;
system_or_bail('prlimit', '--pid', $$, "--nofile=$hard:");
synchronized($node, 'true', 'preloaded, what waited is sent');
connect_provider($node, $db, "plant_$_", $simulator, import_since => '2100-01-01') for 1 .. $providers;
$simulator->fault({ match => { method => 'POST' }, action => 'latency', latency_ms => 150 });
$node->safe_psql($db, "INSERT INTO cmms.work_order (provider_id, title) SELECT 'plant_' || p, 'Many ' || n FROM generate_series(1, $providers) p, generate_series(1, 20) n");
synchronized($node, "title LIKE 'Many%'", "$providers providers are served with 300 file descriptors");
is($simulator->summary->{creates}, 3 + 20 * $providers, 'each order once');
my ($connections) = slurp_file($node->logfile) =~ /LOG:  pg_cmms uses (\d+) connections instead of 256/;
cmp_ok($connections // 0, '>', 9, 'the log says how many connections there are');
cmp_ok($connections // 0, '<', 250, 'fewer than were wanted');
is(said($node, 'Raise max_files_per_process or lower cmms\.max_connections'), 1, 'and what to do');
is(said($node, 'Too many open files|out of file descriptors'), 0, 'nothing has failed for want of one');
$node->stop;

# An answer for which there is no memory: its order is looked up, the others go on.
$simulator->reset;
$node = new_node('memory', q(cmms.max_response_size = '60 MB'));
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');
connect_provider($node, $db, 'plant_a', $simulator, import_since => '2100-01-01', options => [q(lookup_grace '1')]);
ok(is_idle($node, $db), 'connected');
my $worker = worker_pid($node, $db);
my ($size) = slurp_file("/proc/$worker/status") =~ /^VmSize:\s+(\d+) kB/m;
system_or_bail('prlimit', '--pid', $worker, '--as=' . ($size * 1024 + 40_000_000));
$simulator->fault({ match => { method => 'POST', body => 'Too much' }, action => 'huge', bytes => 55_000_000 });
insert_orders($node, $db, 'plant_a', 2,  'Too much');
insert_orders($node, $db, 'plant_a', 50, 'Small');
synchronized($node, "title LIKE 'Small%'", 'orders beside an answer that is too large for the memory are sent');
ok($node->poll_query_until($db, q{SELECT count(DISTINCT title) = 2 FROM cmms.sync_history WHERE title LIKE 'Too much%' AND error LIKE 'there is no memory for the answer of%'}),
    'those that it is for say why they are not');
$simulator->clear_faults;
synchronized($node, 'true', 'they follow when the answers are sound');
every_order_is_there_once($node, $db, 'plant_a', $simulator, 52, 'memory');
is(worker_pid($node, $db), $worker, 'all by the same worker');
$node->stop;

# No space for WAL: a small file system at pg_wal, mounted in a name space of the server's own.
SKIP:
{
    my $full = PostgreSQL::Test::Cluster->new('disk_full');
    $full->init(extra => ['--wal-segsize=1']);
    $full->append_conf('postgresql.conf', join "\n",
        q(shared_preload_libraries = 'pg_cmms'), 'restart_after_crash = on', 'min_wal_size = 2MB', 'max_wal_size = 8MB', 'max_worker_processes = 8', '');
    my ($data, $log, $uid, $gid) = ($full->data_dir, $full->logfile, $>, (split / /, $))[0]);
    my %shell = (input => '', output => '');
    my $mount = "cp -a $data/pg_wal $data/wal && mount -t tmpfs -o size=24m,mode=700 tmpfs $data/pg_wal && cp -a $data/wal/. $data/pg_wal && echo mounted";
    $shell{harness} = IPC::Run::start(
        [ 'unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', "$mount && exec unshare --user --map-user=$uid --map-group=$gid sh" ],
        '<', \$shell{input}, '>', \$shell{output}, '2>&1', IPC::Run::timeout(300));
    $shell{harness}->pump until $shell{output} =~ /\n/ || !$shell{harness}->pumpable;
    skip "a file system cannot be mounted here: $shell{output}", 4 unless $shell{output} =~ /mounted/;
    my $run = sub {
        my ($command) = @_;
        $shell{output} = '';
        $shell{input} .= "($command) >/dev/null 2>&1; echo finished\n";
        $shell{harness}->pump until $shell{output} =~ /finished/ || !$shell{harness}->pumpable;
    };
    my $start = "pg_ctl -w -D $data -l $log -o '--cluster-name=disk_full' start";
    $run->($start);
    $full->safe_psql($db, 'CREATE EXTENSION pg_cmms; CHECKPOINT');
    $simulator->reset;
    connect_provider($full, $db, 'plant_a', $simulator, import_since => '2100-01-01', options => [q(lookup_grace '1')]);
    $simulator->fault({ match => { method => 'POST' }, action => 'latency', latency_ms => 40 });
    insert_orders($full, $db, 'plant_a', 400);
    wait_until('some creates', sub { $simulator->summary->{creates} >= 40 });
    $run->("cat /dev/zero > $data/pg_wal/filler");
    $full->psql($db, 'SELECT pg_switch_wal()') for 1 .. 10;
    wait_until('the disk to be full', sub { said($full, 'No space left on device') });
    ok(1, 'there is no space left for WAL');
    cmp_ok($simulator->summary->{creates}, '<', 400, 'in the middle of the pushes');
    $run->("rm $data/pg_wal/filler");
    wait_until('the server', sub { is_up($full) || do { $run->($start); is_up($full) } });
    synchronized($full, 'true', 'with space all is sent');
    every_order_is_there_once($full, $db, 'plant_a', $simulator, 400, 'disk full');
    $run->("pg_ctl -w -D $data -m fast stop");
    $shell{harness}->kill_kill;
}

done_testing();
