# Single records are read when somebody asks, once for each however often it was asked for, and the open orders by the clock.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider insert_orders is_idle is_up wait_until worker_pid);

my $node = new_node('read_back', 'cmms.retry_base = 100ms');
my $db   = 'postgres';
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');
my $simulator = start_simulator();

sub query { return $node->safe_psql($db, $_[0]); }
sub reads { return scalar grep { $_->{path} =~ m{/work_orders/\d+$} } $simulator->ledger(method => 'GET'); }

connect_provider($node, $db, 'plant_a', $simulator, options => ["update_check 'none'"]);
insert_orders($node, $db, 'plant_a', 3);
ok(is_idle($node, $db), 'three orders are there');
my @ids = split /\n/, query('SELECT source_work_order_id FROM cmms.work_order ORDER BY title');

# What changed in the provider's past is seen by no poll.
$simulator->change(ids => [ map { $_ + 0 } @ids ], set => { title => 'Changed there' }, updated_at => '2026-01-01T00:00:00Z');
query("SELECT cmms.poll_now('plant_a')");
ok(is_idle($node, $db), 'a poll');
is(query("SELECT count(*) FROM cmms.work_order WHERE title = 'Changed there'"), '0', 'sees nothing of an older change time');

# Asked for many times, read once.
$simulator->change(ids => [ map { $_ + 0 } @ids ], set => { title => 'Changed there' });
query("BEGIN; SELECT cmms.request_read_back('plant_a', 'work_order', ARRAY['$ids[0]', '$ids[0]', '$ids[1]']);"
      . "SELECT cmms.request_read_back('plant_a', 'work_order', ARRAY['$ids[0]']); COMMIT");
ok(is_idle($node, $db), 'asked for two orders, one of them three times');
is(reads(), 2, 'each was read once');
is(query("SELECT string_agg(title, ',' ORDER BY source_work_order_id) FROM cmms.work_order"),
    'Changed there,Changed there,Order 3', 'and applied');
is(query('SELECT count(*) FROM cmms.read_back'), '0', 'nothing is left of the request');
is(query("SELECT detail ->> 'cause' FROM cmms.event WHERE event_type = 'work_order.updated' LIMIT 1"), 'provider', 'as news of the provider');

# An event can come before its own commit: the record is there a moment later.
$simulator->fault({ match => { method => 'GET', path => "work_orders/$ids[2]\$" }, count => 2, action => 'status', status => 404 });
query("SELECT cmms.request_read_back('plant_a', 'work_order', ARRAY['$ids[2]'])");
ok(is_idle($node, $db), 'an order that is not there at first');
is(query("SELECT title FROM cmms.work_order WHERE source_work_order_id = '$ids[2]'"), 'Changed there', 'is read all the same');
is(query("SELECT count(*) FROM cmms.sync_history WHERE direction = 'read' AND outcome = 'not_found'"), '2', 'and the log tells');

# Asked for again while it is being read: read again.
$simulator->fault({ match => { method => 'GET', path => "work_orders/$ids[0]\$" }, count => 1, action => 'latency', latency_ms => 1500 });
query("SELECT cmms.request_read_back('plant_a', 'work_order', ARRAY['$ids[0]'])");
wait_until('the read', sub { $simulator->summary->{in_progress} > 0 });
$simulator->change(ids => [ $ids[0] + 0 ], set => { title => 'Changed once more' });
query("SELECT cmms.request_read_back('plant_a', 'work_order', ARRAY['$ids[0]'])");
ok(is_idle($node, $db), 'asked for again meanwhile');
is(query("SELECT title FROM cmms.work_order WHERE source_work_order_id = '$ids[0]'"), 'Changed once more', 'the later state is known');

# What a worker was reading when it died is read by the next one.
$simulator->fault({ match => { method => 'GET', path => "work_orders/$ids[1]\$" }, count => 1, action => 'hang' });
query("SELECT cmms.request_read_back('plant_a', 'work_order', ARRAY['$ids[1]'])");
wait_until('the read', sub { $simulator->summary->{in_progress} > 0 });
$simulator->change(ids => [ $ids[1] + 0 ], set => { title => 'Changed under a dead worker' });
kill 'KILL', worker_pid($node, $db);
wait_until('the server', sub { is_up($node) });
ok($node->poll_query_until($db, 'SELECT count(*) = 0 FROM cmms.read_back'), 'the next worker reads it');
is(query("SELECT title FROM cmms.work_order WHERE source_work_order_id = '$ids[1]'"), 'Changed under a dead worker', 'and applies it');

# An outage is no answer.
$simulator->fault({ match => { method => 'GET' }, count => 2, action => 'status', status => 503 });
query("SELECT cmms.request_read_back('plant_a', 'work_order', ARRAY['$ids[2]'])");
ok(is_idle($node, $db), 'a read over an outage');
is(query('SELECT count(*) FROM cmms.read_back'), '0', 'is done when the provider is back');

# By the clock: a status change that leaves the change time where it was.
query("ALTER SERVER plant_a OPTIONS (ADD reread_interval '1')");
my $before = query("SELECT source_updated_at FROM cmms.work_order WHERE source_work_order_id = '$ids[2]'");
$simulator->change(ids => [ $ids[2] + 0 ], set => { status => 'Completed' }, updated_at => $simulator->order($ids[2])->{updated_at});
ok($node->poll_query_until($db, "SELECT common_status = 'completed' FROM cmms.work_order WHERE source_work_order_id = '$ids[2]'"),
    'open orders are read again by the clock');
query("ALTER SERVER plant_a OPTIONS (SET reread_interval '0')");

my ($status, $output, $errors) = $node->psql($db, "SELECT cmms.request_read_back('plant_a', 'asset', ARRAY['1'])");
like($errors, qr/provider "plant_a" cannot be asked for a single asset/, 'what cannot be read is refused at once');

done_testing();
