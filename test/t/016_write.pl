# Writing to SAP PM when something goes wrong half way: each step is made once, and nothing that was written is taken for news.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator is_idle is_up wait_until worker_pid);

my $node = new_node('write', 'cmms.retry_base = 100ms');
my $db   = 'postgres';
my $simulator = start_simulator(provider => 'sap_pm', options => [ '--sap-client', '100' ]);

sub query { return $node->safe_psql($db, $_[0]); }

query('CREATE EXTENSION pg_cmms');
query("CREATE SERVER sap FOREIGN DATA WRAPPER cmms OPTIONS (type 'sap_pm', base_url '" . $simulator->url . "', sap_client '100',"
      . " order_type 'PM01', planning_plant '1010', notification_type 'M1', reread_interval '0');"
      . "CREATE USER MAPPING FOR PUBLIC SERVER sap OPTIONS (username 'CMMS_TEST', password 'test-password');"
      . "SELECT cmms.activate('sap', mode => 'write_back', poll_interval => '1 hour')");

sub insert
{
    my ($title, $status) = @_;
    query("INSERT INTO cmms.work_order (provider_id, title, common_status) VALUES ('sap', '$title', '$status')");
    ok(is_idle($node, $db), "$title: sent");
    return;
}

sub update
{
    my ($title, $change) = @_;
    query("UPDATE cmms.work_order SET $change WHERE title = '$title'");
    ok(is_idle($node, $db), "$title: sent");
    return;
}

sub ours
{
    my ($title, $columns) = @_;
    return query("SELECT concat_ws(' ', $columns) FROM cmms.work_order WHERE title = '$title'");
}

sub there
{
    my ($title) = @_;
    my ($order) = grep { $_->{MaintenanceOrderDesc} eq $title } @{ $simulator->control('GET', 'orders') };
    return $order;
}

# The functions that changed an order's status, in their order.
sub actions
{
    my ($title) = @_;
    my $number = there($title)->{id};
    return join ' ',
      map { $_->{written}{action} } grep { $_->{written}{kind} eq 'action' && $_->{written}{id} eq $number } $simulator->ledger(written => 'true');
}

sub is_walked
{
    my ($title, $status, $actions, $what) = @_;
    is(there($title)->{status}, $status,  "$what: the order's status there");
    is(actions($title),         $actions, "$what: each step was made once");
    is(ours($title, q(sync_state, last_error)), q(synchronized), "$what: both sides agree");
    is(query('SELECT count(*) FROM cmms.conflict'), 0, "$what: no conflict");
    return;
}

my ($release, $complete) = qw(ReleaseMaintenanceOrder SetMaintOrdToTechCompleted);

# A new order walks to its status once it is there.
insert('Born completed', 'completed');
is_walked('Born completed', 'TECO', "$release $complete", 'a create');
like(ours('Born completed', 'common_status, source_status'), qr/^completed TECO/, 'and its status came back');

# The answer to a step is lost: the next attempt goes on behind it.
insert('Lost answer', 'requested');
$simulator->fault({ match => { path => $release }, action => 'reset_after', count => 1 });
update('Lost answer', q(common_status = 'approved'));
is_walked('Lost answer', 'REL', $release, 'a lost answer');

# The same in the middle of a longer walk, and of another after it.
insert('Half way', 'requested');
$simulator->fault({ match => { path => $complete }, action => 'status', status => 503, count => 1 });
query(q(SELECT cmms.set_status(common_work_order_id, 'completed') FROM cmms.work_order WHERE title = 'Half way'));
ok(is_idle($node, $db), 'Half way: sent');
is_walked('Half way', 'TECO', "$release $complete", 'an outage half way');
$simulator->clear_faults;

# The worker is killed between two steps.
insert('Killed', 'requested');
$simulator->fault({ match => { path => $complete }, action => 'hang', seconds => 60, count => 1 });
query(q(SELECT cmms.set_status(common_work_order_id, 'completed') FROM cmms.work_order WHERE title = 'Killed'));
wait_until('the second step', sub { return there('Killed')->{status} eq 'REL' && $simulator->control('GET', 'faults')->[0]{fired}; });
kill 'KILL', worker_pid($node, $db);
$simulator->clear_faults;
wait_until('the server', sub { is_up($node) });
wait_until('the walk', sub { return (there('Killed')->{status} // '') eq 'TECO'; });
ok(is_idle($node, $db), 'Killed: settled');
is_walked('Killed', 'TECO', "$release $complete", 'a killed worker');

# Somebody has the order open: that passes by itself.
insert('Open elsewhere', 'requested');
$simulator->control('POST', 'lock', { ids => [ there('Open elsewhere')->{id} ], requests => 2 });
update('Open elsewhere', q(priority = 'high'));
is(ours('Open elsewhere', 'sync_state, last_error'), 'synchronized', 'a lock is waited for');
is(query(q(SELECT string_agg(DISTINCT outcome || ' ' || error_class, ', ') FROM cmms.sync_log WHERE error LIKE '%blocked by user%')),
    'retrying conflict', 'and kept in the log as what it is');

# Changed between reading and writing: read again.
insert('Changed meanwhile', 'requested');
$simulator->fault({ match => { method => 'PATCH' }, action => 'status', status => 412, count => 1 });
update('Changed meanwhile', q(priority = 'low'));
is(ours('Changed meanwhile', 'sync_state'), 'synchronized', 'a stale version is read again');
is(there('Changed meanwhile')->{MaintPriority}, '4', 'and written then');
my ($write) = grep { $_->{method} eq 'PATCH' && $_->{status} == 204 } reverse $simulator->ledger();
isnt($write->{headers}{'if-match'} // '', '', 'with the version that was read');

# Back to the beginning leads no way: that waits for a person.
insert('No way', 'approved');
update('No way', q(common_status = 'cancelled'));
is_walked('No way', 'DLFL', "$release $complete SetMaintOrdStsToMrkdForDeltn", 'a way with steps between');
update('No way', q(common_status = 'requested'));
is(ours('No way', 'sync_state, last_error_class'), 'rejected conflict', 'a status that cannot be reached is refused');
like(ours('No way', 'last_error'), qr/no way from DLFL to CRTD/, 'with both statuses');

# A deletion is a step too, which is refused the second time.
insert('Deleted', 'requested');
$simulator->fault({ match => { path => 'SetMaintOrdStsToMrkdForDeltn' }, action => 'reset_after', count => 1 });
query(q(DELETE FROM cmms.work_order WHERE title = 'Deleted'));
ok(is_idle($node, $db), 'Deleted: sent');
is(there('Deleted')->{status}, 'DLFL', 'a deletion whose answer was lost is done');
is(query(q(SELECT outcome FROM cmms.sync_log WHERE operation = 'delete' ORDER BY sync_log_id DESC LIMIT 1)), 'synchronized', 'and known to be');

# The errors of fields stay with the order.
query(q(INSERT INTO cmms.work_order (provider_id, title, asset_ref) VALUES ('sap', 'Too long', repeat('9', 30))));
ok(is_idle($node, $db), 'Too long: sent');
is(ours('Too long', 'sync_state'), 'rejected', 'a value that does not fit is refused');
like(ours('Too long', 'last_error_detail'), qr/"propertyref"|"target"/, 'and the field is named');

done_testing();
