# Databases come and go while a provider hangs in each of them, and are served in turn where worker slots are short.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider worker_pid insert_orders wait_until seconds_for);

my $node      = new_node('databases', 'max_wal_senders = 0', 'max_logical_replication_workers = 0');
my $simulator = start_simulator();
my $hanging   = start_simulator();
$hanging->fault({ match => { method => 'POST' }, action => 'hang', seconds => 60 });

sub query { return $node->safe_psql('postgres', $_[0]); }

# A database with a provider that works and one that never answers.
sub new_database
{
    my ($database) = @_;
    query("CREATE DATABASE $database");
    $node->safe_psql($database, 'CREATE EXTENSION pg_cmms');
    connect_provider($node, $database, 'plant_a', $simulator, import_since => '2100-01-01');
    connect_provider($node, $database, 'plant_h', $hanging,   import_since => '2100-01-01');
    return;
}

sub hang
{
    my ($database) = @_;
    insert_orders($node, $database, 'plant_h', 2, 'Hanging');
    wait_until('a hanging request', sub { $node->safe_psql($database, q{SELECT count(*) FROM cmms.outbox WHERE state = 'in_flight'}) eq '2' });
    return;
}

sub is_served
{
    my ($database, $what) = @_;
    insert_orders($node, $database, 'plant_a', 1, 'Served');
    return ok(
        $node->poll_query_until($database,
            q{SELECT count(*) > 0 AND bool_and(sync_state = 'synchronized') FROM cmms.work_order WHERE provider_id = 'plant_a'}),
        $what);
}

sub workers { return query(q{SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_stat_activity WHERE backend_type = 'pg_cmms worker'}); }

sub said { my ($pattern, $from) = @_; return scalar(() = slurp_file($node->logfile, $from // 0) =~ /$pattern/g); }

# Copied, renamed and dropped, without FORCE, with requests under way.
new_database('original');
is_served('original', 'the original is served');
hang('original');
my $seconds = seconds_for(sub { query('CREATE DATABASE copied TEMPLATE original') });
cmp_ok($seconds, '<', 4, 'a served database is a template: its worker makes way');
is_served('original', 'the original is served again');
is($node->safe_psql('copied', 'SELECT cmms.is_armed()'), 'f', 'the copy is not armed');
my $creates = $simulator->summary->{creates};
$node->safe_psql('copied', 'SELECT cmms.arm()');
is_served('copied', 'armed, it is served at once');
is($simulator->summary->{creates}, $creates + 1, 'and sends what is its own');

hang('original');
query('ALTER DATABASE original RENAME TO renamed');
is_served('renamed', 'a served database can be renamed, and is served under its new name');

hang('copied');
$seconds = seconds_for(sub { query('DROP DATABASE copied') });
cmp_ok($seconds, '<', 4, 'DROP DATABASE of a served database needs no FORCE');
is(workers(), 'renamed', 'its worker is gone with it');
is_served('renamed', 'the other goes on');
query('DROP DATABASE renamed');
is(workers(), '', 'the last one is dropped');
unlike(slurp_file($node->logfile), qr/FATAL(?!.*(?:does not exist|database system is))/, 'no process has failed on the way');

# Fewer workers than databases: said once, and who waits gets the place that becomes free.
$node->append_conf('postgresql.conf', 'cmms.max_workers = 2');
$node->restart;
new_database('first');
new_database('second');
is_served($_, "$_ is served") for 'first', 'second';
my $position = -s $node->logfile;
new_database('third');
insert_orders($node, 'third', 'plant_a', 3, 'Waiting');
wait_until('the shortage to be noticed', sub { said('all sync workers of pg_cmms are in use', $position) });
is(workers(), 'first second', 'no place for the third');
is($node->safe_psql('third', q{SELECT pending FROM cmms.sync_health WHERE provider_id = 'plant_a'}), '3', 'its changes wait');
query('DROP DATABASE first');
is_served('third', 'it gets the place of the one that was dropped');
is(said('all sync workers of pg_cmms are in use',                  $position), 1, 'the shortage was said once');
is(said('HINT:  Raise cmms.max_workers and max_worker_processes', $position), 1, 'with a hint');
is_served('second', 'the other was served all the time');

# Fewer background processes than databases: one for the launcher, one for a worker.
$node->append_conf('postgresql.conf', "cmms.max_workers = 8\nmax_worker_processes = 2");
$position = -s $node->logfile;
$node->restart;
wait_until('the shortage to be noticed', sub { said('no background worker slot is free for a sync worker of pg_cmms', $position) });
wait_until('a worker',                   sub { workers() ne '' });
my $served  = workers();
my $waiting = $served eq 'second' ? 'third' : 'second';
is_served($served, 'one database is served');
is(said('no background worker slot is free for a sync worker of pg_cmms', $position), 1, 'the shortage was said once');
is(said('HINT:  Raise max_worker_processes\.',                              $position), 1, 'with a hint');
$node->safe_psql($served, 'DROP EXTENSION pg_cmms CASCADE');
is_served($waiting, 'the other gets its slot once the extension is dropped there');

done_testing();
