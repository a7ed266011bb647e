# A provider that hangs delays nobody: no transaction is open while a request is under way.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider worker_pid insert_orders is_idle wait_until seconds_for every_order_is_there_once);

my $hanging = start_simulator();
my $healthy = start_simulator();
my $node    = new_node('never_in_the_way');
my $db      = 'postgres';
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');
connect_provider($node, $db, 'plant_a', $hanging);
connect_provider($node, $db, 'plant_b', $healthy);
worker_pid($node, $db);

# Nothing of the launcher's is in the new database any more when it is dropped.
$node->safe_psql($db, 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE TABLE filler AS SELECT n FROM generate_series(1, 1000) n');

sub wait_until_hanging
{
    return wait_until('a hanging request', sub { $hanging->summary->{in_progress} > 0 });
}

$hanging->fault({ match => { method => 'POST' }, action => 'hang', seconds => 30 });
insert_orders($node, $db, 'plant_a', 5, 'Hanging');
wait_until_hanging();

is( $node->safe_psql($db,
        q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg_cmms%' AND (xact_start IS NOT NULL OR backend_xmin IS NOT NULL)}),
    '0', 'no transaction and no horizon is held while a request hangs');
is($node->safe_psql($db, q{SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.backend_type LIKE 'pg_cmms%'}),
    '0', 'nor a lock');

# Timed inside the session, so that starting psql does not count.
my $seconds = $node->safe_psql($db,
    "SELECT clock_timestamp() AS started \\gset\nDROP DATABASE other;\nSELECT extract(epoch FROM clock_timestamp() - :'started'::timestamptz);");
cmp_ok($seconds, '<', 0.2, 'DROP DATABASE of another database takes less than 0.2 s');

insert_orders($node, $db, 'plant_b', 20, 'Healthy');
$seconds = seconds_for(
    sub {
        $node->poll_query_until($db, q{SELECT count(*) = 20 FROM cmms.work_order WHERE provider_id = 'plant_b' AND sync_state = 'synchronized'});
    });
cmp_ok($seconds, '<', 2, 'another provider is served meanwhile');

$node->safe_psql($db, 'VACUUM cmms.work_order; TRUNCATE cmms.sync_log');
pass('VACUUM and TRUNCATE are not blocked');

cmp_ok($hanging->summary->{in_progress}, '>', 0, 'the requests still hang');
$seconds = seconds_for(sub { $node->stop('fast') });
cmp_ok($seconds, '<', 1, 'a fast stop takes less than 1 s');
$node->start;
$hanging->clear_faults;
ok($node->poll_query_until($db, q{SELECT count(*) = 25 FROM cmms.work_order WHERE sync_state = 'synchronized'}),
    'what hung is synchronized after the restart');
every_order_is_there_once($node, $db, 'plant_a', $hanging, 5, 'after the restart');

# DROP EXTENSION while pushing.
$hanging->reset;
$hanging->fault({ match => { method => 'POST' }, action => 'latency', latency_ms => 50 });
for my $round (1 .. 3)
{
    insert_orders($node, $db, 'plant_a', 300, "Round $round");
    wait_until('pushes to be under way', sub { $hanging->summary->{creates} > 20 });
    $seconds = seconds_for(sub { $node->safe_psql($db, 'DROP EXTENSION pg_cmms CASCADE') });
    cmp_ok($seconds, '<', 5, "round $round: DROP EXTENSION does not wait for the provider");
    $node->safe_psql($db, 'CREATE EXTENSION pg_cmms');
    $hanging->reset;
    $hanging->fault({ match => { method => 'POST' }, action => 'latency', latency_ms => 50 });
    connect_provider($node, $db, 'plant_a', $hanging, import_since => '2100-01-01');
    insert_orders($node, $db, 'plant_a', 10, "After $round");
    ok($node->poll_query_until($db, q{SELECT count(*) = 10 FROM cmms.work_order WHERE sync_state = 'synchronized'}),
        "round $round: the extension created again pushes");
}
is($node->safe_psql($db, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_cmms worker'}), '1', 'there is one worker');
unlike(slurp_file($node->logfile), qr/PANIC|was terminated by signal/, 'and no process has crashed');

done_testing();
