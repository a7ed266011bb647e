# Nothing is lost and nothing is doubled: kill -9 of the worker, an immediate stop of the server, answers that never arrive.
use strict;
use warnings;

use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider worker_pid insert_orders wait_until every_order_is_there_once);

my $node = new_node('kill_worker');
my $db   = 'postgres';
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');

# Each part has a provider of its own. The latency comes after the write: requests that are under way when the worker dies have
# mostly been carried out.
sub new_provider
{
    my ($provider, @faults) = @_;
    my $simulator = start_simulator();
    $simulator->fault(@faults);
    connect_provider($node, $db, $provider, $simulator);
    return $simulator;
}

sub wait_for_creates
{
    my ($simulator, $wanted) = @_;
    return wait_until("$wanted creates", sub { $simulator->summary->{creates} >= $wanted });
}

sub all_synchronized
{
    my ($provider, $count) = @_;
    return $node->poll_query_until($db,
        "SELECT count(*) = $count FROM cmms.work_order WHERE provider_id = '$provider' AND sync_state = 'synchronized'");
}

# kill -9 makes the postmaster end every session and recover; the launcher then starts a worker again.
sub kill_worker
{
    my $pid = worker_pid($node, $db);
    kill 'KILL', $pid;
    wait_until('the worker to be gone', sub { !kill 0, $pid });
    isnt(worker_pid($node, $db), $pid, 'another worker has taken over');
    return;
}

my @slow = ({ match => { method => 'POST' }, action => 'latency', latency_ms => 30 });

# The worker, twice.
my $simulator = new_provider('killed', @slow);
insert_orders($node, $db, 'killed', 2000);
wait_for_creates($simulator, 400);
kill_worker();
cmp_ok($simulator->summary->{creates}, '<', 2000, 'the kill came in the middle');
wait_for_creates($simulator, 1200);
kill_worker();
ok(all_synchronized('killed', 2000), 'all orders are synchronized after two kills');
every_order_is_there_once($node, $db, 'killed', $simulator, 2000, 'killed worker');
is($node->safe_psql($db, 'SELECT count(*) FROM cmms.outbox'), '0', 'the outbox is empty');
cmp_ok($simulator->summary->{by_outcome}{'client closed'} // 0, '>', 0, 'requests were cut off by the kills');

# The whole server.
$simulator = new_provider('stopped', @slow);
insert_orders($node, $db, 'stopped', 500);
wait_for_creates($simulator, 100);
$node->stop('immediate');
$node->start;
ok(all_synchronized('stopped', 500), 'all orders are synchronized after an immediate stop');
every_order_is_there_once($node, $db, 'stopped', $simulator, 500, 'immediate stop');

# Answers that never arrive, with and without the work being done.
my %some = (match => { method => 'POST' }, count => 15, probability => 0.3);
$simulator = new_provider(
    'lossy',
    { %some, action => 'reset_after' },
    { %some, action => 'reset_before' },
    { %some, action => 'truncate', bytes => 25 },
    { %some, action => 'drop_fields', fields => ['data.id'] },
    { %some, action => 'status', status => 500, write => JSON::PP::true, name => '500, but done' },
    { %some, action => 'status', status => 502, name => '502, not done' });
insert_orders($node, $db, 'lossy', 200);
ok(all_synchronized('lossy', 200), 'all orders are synchronized although answers were lost');
every_order_is_there_once($node, $db, 'lossy', $simulator, 200, 'lost answers');
my ($rarest) = sort { $a <=> $b } values %{ $simulator->summary->{faults} };
cmp_ok($rarest, '>', 0, 'each kind of loss has happened');
cmp_ok($node->safe_psql($db, q{SELECT count(*) FROM cmms.sync_log WHERE direction = 'lookup'}),
    '>', 0, 'unknown outcomes were looked up');

done_testing();
