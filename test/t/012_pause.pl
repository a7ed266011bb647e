# A paused provider is left alone: nothing leaves, not even the next page of a poll; what was queued leaves when it is resumed.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider insert_orders is_idle wait_until every_order_is_there_once);

my $node = new_node('pause');
my $db   = 'postgres';
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');
my $simulator = start_simulator();

sub query { return $node->safe_psql($db, $_[0]); }
sub pushed { return $simulator->summary->{creates} // 0; }

connect_provider($node, $db, 'plant_a', $simulator);
# Nobody waits for the worker's next look around, which is every 30 seconds.
is(query("SELECT cmms.wait_until_idle('15 s')"), 't', 'the first poll is done, soon after the activation');

# A request that is under way is finished; those that have not begun stay here.
$simulator->fault({ match => { method => 'POST' }, count => 1, action => 'latency', latency_ms => 1500 });
insert_orders($node, $db, 'plant_a', 1, 'First');
wait_until('the request', sub { $simulator->summary->{in_progress} > 0 });
query("SELECT cmms.pause_provider('plant_a', 'maintenance')");
insert_orders($node, $db, 'plant_a', 20, 'Later');
query("SELECT cmms.poll_now('plant_a')");
ok($node->poll_query_until($db, "SELECT sync_state = 'synchronized' FROM cmms.work_order WHERE title = 'First 1'"),
    'what was under way is finished');
ok(is_idle($node, $db), 'then there is nothing to do');
my $requests = $simulator->summary->{requests};
is(pushed(), 1, 'nothing else was sent');
is(query('SELECT pending, pause_reason FROM cmms.sync_health'), '20|maintenance', 'it waits, and the view says why');

# Over a restart.
$node->restart;
insert_orders($node, $db, 'plant_a', 1, 'After the restart');
wait_until('a worker', sub { query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_cmms worker'") eq '1' });
ok(is_idle($node, $db), 'after a restart there is nothing to do either');
is(pushed(), 1, 'and nothing was sent');
is($simulator->summary->{requests}, $requests, 'no request of any kind has left');

query("SELECT cmms.resume_provider('plant_a')");
ok(is_idle($node, $db), 'resumed');
every_order_is_there_once($node, $db, 'plant_a', $simulator, 22, 'resumed');
is(query("SELECT count(*) FROM cmms.work_order WHERE sync_state <> 'synchronized'"), '0', 'everything has been sent');

# What other processes have cached is out of date only some time after the commit, and the later the more a transaction has changed in
# the catalog: the worker must not look before.
query("SELECT cmms.pause_provider('plant_a')");
insert_orders($node, $db, 'plant_a', 1, 'Beside much else');
ok(is_idle($node, $db), 'paused again');
query("BEGIN; SELECT cmms.resume_provider('plant_a');
  DO \$\$ BEGIN FOR n IN 1 .. 1500 LOOP EXECUTE format('CREATE TABLE scratch_%s (id int)', n); END LOOP; END \$\$; COMMIT");
is(query("SELECT cmms.wait_until_idle('15 s')"), 't', 'the worker knows at once that it is resumed');

# A poll of many pages ends with the page under way, and goes on from there.
$simulator->create(orders => [ { title => 'Theirs' } ], count => 450, updated_at => '2027-01-01T00:00:00Z', step_seconds => 1);
$simulator->fault({ match => { method => 'GET' }, count => 1000, action => 'latency', latency_ms => 700 });
$requests = $simulator->summary->{requests};
query("SELECT cmms.poll_now('plant_a')");
wait_until('the poll', sub { $simulator->summary->{in_progress} > 0 });
query("SELECT cmms.pause_provider('plant_a')");
wait_until('the end of the page', sub { $simulator->summary->{in_progress} == 0 });
ok(is_idle($node, $db), 'the poll has stopped');
$simulator->clear_faults;
# One page; one more where this machine was slow to say so.
cmp_ok($simulator->summary->{requests}, '<=', $requests + 2, 'after the page under way');
cmp_ok(query("SELECT count(*) FROM cmms.work_order WHERE title = 'Theirs'"), '<', 450, 'which was not all');
query("SELECT cmms.resume_provider('plant_a')");
ok(is_idle($node, $db), 'resumed');
is(query("SELECT count(*) FROM cmms.work_order WHERE title = 'Theirs'"), '450', 'the poll has read the rest');

done_testing();
