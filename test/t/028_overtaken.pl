# What a provider shows is not always what it has by now, and not always somebody else's doing. Each case was found by test/chaos/run.
use strict;
use warnings;

use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node wait_until);
use Provider::SapPm;

my $node = new_node('overtaken', 'cmms.retry_base = 100ms', 'cmms.retry_cap = 500ms', 'cmms.request_timeout = 3s');
my $db   = 'postgres';
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');

# SAP PM: its answers to updates say nothing, and its orders do not carry our reference.
sub connected
{
    my ($server) = @_;
    my $provider = Provider::SapPm->new(node => $node, database => $db, server => $server);
    $provider->connect;
    $provider->activate;
    return $provider;
}

sub known_order
{
    my ($provider) = @_;
    my ($order) = $provider->insert(1, 'Pump');
    $provider->settle;
    return ($order, $provider->order($order)->{source_work_order_id});
}

sub change
{
    my ($provider, $order, $changes) = @_;
    $provider->value("UPDATE cmms.work_order SET $changes WHERE common_work_order_id = '$order'");
    return;
}

# The order here, and the record there.
sub both_sides
{
    my ($provider, $order) = @_;
    my $row    = $provider->order($order);
    my $record = $provider->record($row->{source_work_order_id} // '');
    return join ' | ', @$row{qw(title common_status sync_state)}, $record ? ($provider->shown($record)->{title}, $record->{status}) : 'no record';
}

# A page that was read before a push, and arrives after its result. A change of status does not move the stamp.
{
    my $provider = connected('late_page');
    my ($order, $number) = known_order($provider);
    $provider->simulator->fault({ match => { method => 'GET', path => '/MaintenanceOrder$' }, action => 'latency', latency_ms => 2000, count => 1 });
    $provider->value("SELECT cmms.poll_now('late_page')");
    wait_until('the poll', sub { $provider->simulator->summary->{in_progress} == 1 });
    change($provider, $order, "common_status = 'completed'");
    wait_until('the update', sub { $provider->order($order)->{sync_state} eq 'synchronized' });
    is($provider->simulator->summary->{in_progress}, 1, 'late page: it is still on its way');
    $provider->idle;
    is(both_sides($provider, $order), 'Pump 1 | completed | synchronized | Pump 1 | TECO', 'late page: it changes nothing');
    $provider->disconnect;
}

# The provider speaks of the value before, while the next one waits.
{
    my $provider = connected('echo');
    my ($order, $number) = known_order($provider);
    change($provider, $order, "title = 'Pump, first'");
    $provider->settle;
    $provider->simulator->control('POST', 'lock', { ids => [$number] });
    change($provider, $order, "title = 'Pump, second'");
    wait_until('an attempt', sub { $provider->value("SELECT attempts > 0 AND state = 'pending' FROM cmms.outbox") eq 't' });
    $provider->simulator->change(ids => [$number], set => { MaintPriority => '4' }, updated_at => '2030-01-01T00:00:00Z');
    $provider->value("SELECT cmms.poll_now('echo')");
    wait_until('its news', sub { $provider->order($order)->{priority} eq 'low' });
    is($provider->order($order)->{title}, 'Pump, second', 'echo: the later change stays');
    $provider->simulator->control('POST', 'unlock', {});
    $provider->settle;
    is(both_sides($provider, $order), 'Pump, second | requested | synchronized | Pump, second | CRTD', 'echo: and is sent');
    is($provider->value('SELECT count(*) FROM cmms.conflict'), '0', 'echo: nobody is asked');
    $provider->disconnect;
}

# A status on the way to ours, seen between two attempts.
{
    my $provider = connected('half_way');
    my ($order, $number) = known_order($provider);
    $provider->simulator->fault(
        { match => { path => 'SetMaintOrdToTechCompleted' }, action => 'status', status => 400, body => { error => { message => { value => 'blocked by user MILLER' } } } });
    change($provider, $order, "common_status = 'completed'");
    wait_until('half of the way', sub { $provider->record($number)->{status} eq 'REL' });
    $provider->simulator->change(ids => [$number], set => { MaintPriority => '4' }, updated_at => '2030-01-01T00:00:00Z');
    $provider->value("SELECT cmms.poll_now('half_way')");
    wait_until('its news', sub { $provider->order($order)->{priority} eq 'low' });
    is($provider->order($order)->{common_status}, 'completed', 'half way: our status stays');
    $provider->simulator->clear_faults;
    $provider->settle;
    is(both_sides($provider, $order), 'Pump 1 | completed | synchronized | Pump 1 | TECO', 'half way: and is reached');
    $provider->disconnect;
}

# A poll imports the record whose creation has had no answer yet.
{
    my $provider = connected('twin');
    $provider->simulator->fault({ match => $provider->create_request, action => 'hang', write => JSON::PP::true, count => 1 });
    my ($order) = $provider->insert(1, 'Pump');
    wait_until('the record', sub { $provider->records == 1 });
    $provider->value("SELECT cmms.poll_now('twin')");
    my $twin;
    wait_until('its import', sub { $twin = $provider->value("SELECT common_work_order_id FROM cmms.work_order WHERE sync_state = 'imported' AND provider_id = 'twin'") });
    $provider->value("SELECT cmms.comment('$twin', 'Seen by somebody')");
    wait_until('the look-up', sub { $provider->order($order)->{sync_state} eq 'synchronized' });
    $provider->settle;
    is(both_sides($provider, $order), 'Pump 1 | requested | synchronized | Pump 1 | CRTD', 'twin: the order has its record');
    is($provider->value("SELECT count(*) FROM cmms.work_order WHERE provider_id = 'twin'"), '1', 'twin: and is the only one');
    is($provider->value("SELECT body FROM cmms.comment WHERE common_work_order_id = '$order'"), 'Seen by somebody', 'twin: what was said of the other is said of it');
    is($provider->value("SELECT count(*) FROM cmms.event WHERE record_id = '$twin' AND event_type = 'work_order.deleted'"), '1', 'twin: an event tells');
    is(scalar(() = $provider->records), 1, 'twin: nothing was made twice');
    $provider->disconnect;
}

# A closed order cannot be changed: fields are written on the way out of that status, and not again on the way into it.
{
    my $provider = connected('closed');
    my ($order) = known_order($provider);
    change($provider, $order, "common_status = 'completed'");
    $provider->simulator->fault({ match => { path => 'SetMaintOrderStatusToClosed' }, action => 'reset_after', count => 1 });
    change($provider, $order, "title = 'Pump, done', common_status = 'closed'");
    $provider->settle;
    is(both_sides($provider, $order), 'Pump, done | closed | synchronized | Pump, done | CLSD', 'closed: although the answer to the last step was lost');
    change($provider, $order, "title = 'Pump, again', common_status = 'in_progress'");
    $provider->settle;
    is(both_sides($provider, $order), 'Pump, again | in_progress | synchronized | Pump, again | REL', 'closed: reopened with another title');
    $provider->disconnect;
}

unlike(slurp_file($node->logfile), qr/PANIC|was terminated by signal/, 'no process has crashed');

done_testing();
