# pg_upgrade takes a database with pg_cmms along, and what it has made sends nothing until its databases are armed.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider worker_pid insert_orders wait_until every_order_is_there_once);

my $old       = new_node('old');
my $simulator = start_simulator();
my $db        = 'postgres';
$old->safe_psql($db, 'CREATE EXTENSION pg_cmms');
connect_provider($old, $db, 'plant_a', $simulator, import_since => '2100-01-01');
insert_orders($old, $db, 'plant_a', 3);
ok($old->poll_query_until($db, q{SELECT bool_and(sync_state = 'synchronized') FROM cmms.work_order}), 'the old server sends');
$old->safe_psql($db, q{UPDATE cmms.provider SET active = false});
insert_orders($old, $db, 'plant_a', 2, 'Waiting');
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
$new->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cmms'\nmax_worker_processes = 16\n");
my $bin = $old->config_data('--bindir');
chdir $PostgreSQL::Test::Utils::tmp_check or die "chdir: $!";
command_ok(
    [ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bin, '-B', $bin, '-s', $new->host, '-p', $old->port, '-P', $new->port ],
    'pg_upgrade');
unlike(slurp_file($_), qr/pg_cmms launcher|pg_cmms worker/, 'no process of pg_cmms ran meanwhile') for glob $new->data_dir . '/pg_upgrade_output.d/*/log/pg_upgrade_server.log';
my $requests = $simulator->summary->{requests};
$new->start;
worker_pid($new, $db);
wait_until('the worker to see that this is a copy', sub { slurp_file($new->logfile) =~ /sends nothing from this database/ });
is($new->safe_psql($db, 'SELECT cmms.is_armed()'), 'f', 'the new server is not armed');
is($simulator->summary->{requests}, $requests, 'and sends nothing');
$new->safe_psql($db, 'UPDATE cmms.provider SET active = true; SELECT cmms.arm()');
ok($new->poll_query_until($db, q{SELECT count(*) = 5 AND bool_and(sync_state = 'synchronized') FROM cmms.work_order}), 'armed, it sends what waited');
every_order_is_there_once($new, $db, 'plant_a', $simulator, 5, 'upgraded');

done_testing();
