# A work order there and back: created, updated, changed by the provider, imported, deleted; and nothing echoes.
use strict;
use warnings;
use utf8;

use Encode qw(decode_utf8);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider is_idle insert_orders wait_until seconds_for);

my $simulator = start_simulator();
my $node      = new_node('push_poll');
my $db        = 'postgres';
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');
connect_provider($node, $db, 'plant_a', $simulator);

sub writes
{
    my $summary = $simulator->summary;
    return "$summary->{creates} creates, $summary->{updates} updates, $summary->{deletes} deletes";
}

sub poll
{
    $node->safe_psql($db, q{SELECT cmms.poll_now('plant_a')});
    ok(is_idle($node, $db), 'idle after a poll');
    return;
}

# Create.
$node->safe_psql($db, q{BEGIN; INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'rolled back'); ROLLBACK});
my $id = $node->safe_psql($db,
    q{INSERT INTO cmms.work_order (provider_id, title, description, priority, asset_ref, sla_due_at)
      VALUES ('plant_a', 'Freezer 3 leaks', 'Water under the door', 'high', '45', '2026-12-01 12:00+01') RETURNING common_work_order_id});
ok(is_idle($node, $db), 'idle after the insert');
is(writes(), '1 creates, 0 updates, 0 deletes', 'one create, nothing of the rolled back row');

my $number = $node->safe_psql($db, "SELECT source_work_order_id FROM cmms.work_order WHERE common_work_order_id = '$id'");
my $order = $simulator->order($number);
is($order->{title}, 'Freezer 3 leaks', 'the recorded id is the order at the provider');
like($order->{description}, qr/^Water under the door/, 'the description is there');
is($order->{reference}, $id, 'and carries our reference');
is_deeply(
    [ $order->{priority}, $order->{asset}{id}, $order->{due_date}, $order->{type} ],
    [ 'high', 45, '2026-12-01T11:00:00Z', 'reactive' ],
    'priority, asset, due date and type are right');
is( $node->safe_psql($db,
        "SELECT sync_state, last_synced_at > now() - interval '1 minute', source_status, last_error IS NULL FROM cmms.work_order WHERE common_work_order_id = '$id'"),
    'synchronized|t|Open|t', 'state, time and status are recorded');
is($node->safe_psql($db, 'SELECT count(*) FROM cmms.outbox'), '0', 'the outbox is empty');

# Update, with text that is easily damaged.
my $text = 'Replace \\O"ring — größer';
$node->safe_psql($db, "UPDATE cmms.work_order SET title = '$text', priority = 'low', common_status = 'in_progress' WHERE common_work_order_id = '$id'");
ok(is_idle($node, $db), 'idle after the update');
$order = $simulator->order($number);
is($order->{title}, $text, 'the title survives byte for byte');
is("$order->{priority}, $order->{status}{name}", 'low, In Progress', 'priority and status are changed');
is(writes(), '1 creates, 1 updates, 0 deletes', 'by one update');

# The first update of a value to itself changes nothing anywhere.
$node->safe_psql($db, "UPDATE cmms.work_order SET title = title");
ok(is_idle($node, $db), 'idle after an update that changes nothing');
is(writes(), '1 creates, 1 updates, 0 deletes', 'which is not sent');

# News from the provider.
$simulator->change(ids => [$number], set => { title => 'Freezer 3: door seal', priority => 'medium', status => 'Completed' });
poll();
is( $node->safe_psql($db, "SELECT title, priority, common_status, source_status, sync_state FROM cmms.work_order WHERE common_work_order_id = '$id'"),
    'Freezer 3: door seal|medium|completed|Completed|synchronized',
    'the provider\'s change is in the row');
is( $node->safe_psql($db,
        "SELECT string_agg(to_status || ' ' || cause, ', ' ORDER BY entered_at, status_history_id) FROM cmms.status_history WHERE common_work_order_id = '$id'"),
    'requested local, in_progress local, completed provider',
    'the status history says who did what');
poll();
is(writes(), '1 creates, 1 updates, 0 deletes', 'nothing was pushed back');

# Import.
my ($theirs) = $simulator->create(orders => [ { title => 'Made at the provider', status => 'On Hold', description => 'by phone' } ]);
poll();
is( $node->safe_psql($db, "SELECT title, common_status, sync_state FROM cmms.work_order WHERE source_work_order_id = '$theirs->{id}'"),
    'Made at the provider|on_hold|imported', 'an order of the provider is imported');
is(writes(), '1 creates, 1 updates, 0 deletes', 'and not pushed');
$node->safe_psql($db, "UPDATE cmms.work_order SET priority = 'high' WHERE source_work_order_id = '$theirs->{id}'");
ok(is_idle($node, $db), 'idle after changing the imported order');
is(writes(), '1 creates, 2 updates, 0 deletes', 'a local change of it is an update');
is($simulator->order($theirs->{id})->{priority}, 'high', 'that arrives');

# The update comes back in a poll: an echo, counted once. The next one comes back as somebody else changed it.
sub echoes { return $node->safe_psql($db, "SELECT echoes_suppressed, echoes_near_miss FROM cmms.sync_health WHERE provider_id = 'plant_a'") }
my ($suppressed, $near_miss) = split /\|/, echoes();
poll();
is(echoes(), ($suppressed + 1) . "|$near_miss", 'our own update in a poll is an echo');
poll();
is(echoes(), ($suppressed + 1) . "|$near_miss", 'and counted once');
$node->safe_psql($db, "UPDATE cmms.work_order SET priority = 'medium' WHERE source_work_order_id = '$theirs->{id}'");
ok(is_idle($node, $db), 'idle after the next update');
$simulator->change(ids => [ $theirs->{id} ], set => { priority => 'low' });
poll();
is(echoes(), ($suppressed + 1) . '|' . ($near_miss + 1), 'another value of a field just sent is a near miss');
is($node->safe_psql($db, "SELECT priority FROM cmms.work_order WHERE source_work_order_id = '$theirs->{id}'"), 'low', 'and news');

# More orders in one second than fit on a page, then one more in the same second.
my @tied = $simulator->create(orders => [ { title => 'Tied', status => 'Open' } ], count => 230, updated_at => '2027-01-01T00:00:00Z');
poll();
is($node->safe_psql($db, q{SELECT count(*) FROM cmms.work_order WHERE title = 'Tied'}), '230', 'all of a second\'s orders are imported');
$simulator->change(ids => [ $tied[100]{id} ], set => { title => 'Tied, late' }, updated_at => '2027-01-01T00:00:00Z');
poll();
is($node->safe_psql($db, q{SELECT count(*) FROM cmms.work_order WHERE title = 'Tied, late'}), '1', 'a late change in the same second is not missed');

# Asked for while a poll runs: begins when that one ends.
$simulator->fault({ match => { method => 'GET' }, count => 1, action => 'latency', latency_ms => 500 });
$node->safe_psql($db, q{SELECT cmms.poll_now('plant_a')});
wait_until('a poll to run', sub { $simulator->summary->{in_progress} > 0 });
my $polls = $simulator->summary->{by_method}{GET};
my $seconds = seconds_for(\&poll);
cmp_ok($simulator->summary->{by_method}{GET}, '>', $polls, 'a poll that is asked for while one runs is made');
cmp_ok($seconds, '<', 3, 'as soon as that one has ended');

# A status nobody has mapped is held, counted, and processed once it is mapped.
$simulator->change(ids => [$number], set => { title => 'Needs a part', status => 'Waiting for Parts' }, updated_at => '2027-01-01T00:00:05Z');
poll();
is( $node->safe_psql($db, "SELECT vocabulary, direction, value, occurrences > 0 FROM cmms.unmapped_value"),
    'status|inbound|Waiting for Parts|t', 'the unmapped status is listed');
is($node->safe_psql($db, 'SELECT count(*) FROM cmms.held_record'), '1', 'the record is held');
isnt($node->safe_psql($db, "SELECT title FROM cmms.work_order WHERE common_work_order_id = '$id'"), 'Needs a part', 'and not half applied');
is($node->safe_psql($db, q{SELECT cmms.map_value('plant_a', 'status', 'Waiting for Parts', 'on_hold')}), '1', 'mapping it re-processes one record');
is( $node->safe_psql($db, "SELECT title, source_status FROM cmms.work_order WHERE common_work_order_id = '$id'"),
    'Needs a part|Waiting for Parts', 'which is applied now');
is($node->safe_psql($db, 'SELECT count(*) FROM cmms.held_record'), '0', 'and no longer held');

# Delete.
$node->safe_psql($db, "DELETE FROM cmms.work_order WHERE common_work_order_id = '$id'");
ok(is_idle($node, $db), 'idle after the delete');
is($simulator->order($number), undef, 'the order is gone at the provider');
is(writes(), '1 creates, 3 updates, 1 deletes', 'by one delete');

# A burst: created and changed in one transaction is one create.
$node->safe_psql($db,
    q{BEGIN; INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'first');
      UPDATE cmms.work_order SET title = 'second' WHERE title = 'first'; COMMIT});
ok(is_idle($node, $db), 'idle after the burst');
is(writes(), '2 creates, 3 updates, 1 deletes', 'a row created and changed at once is one create');
is(scalar(grep { $_->{title} eq 'second' } @{ $simulator->control('GET', 'orders') }), 1, 'with its last title');

done_testing();
