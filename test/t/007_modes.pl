# What the modes draft and handoff let out, with a worker that sends: an order leaves once a person has said so, and once only.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider insert_orders is_idle wait_until every_order_is_there_once);

my $node = new_node('modes');
my $db   = 'postgres';
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');
my $number = 0;

sub query { return $node->safe_psql($db, $_[0]); }

sub new_provider
{
    my ($simulator, $mode) = @_;
    my $provider = $mode . '_' . ++$number;
    connect_provider($node, $db, $provider, $simulator);
    query("SELECT cmms.activate('$provider', mode => '$mode', poll_interval => '1 hour')");
    ok($node->poll_query_until($db, "SELECT last_complete_at IS NOT NULL FROM cmms.poll_cursor WHERE provider_id = '$provider'"),
        "$provider: the first poll is done");
    return $provider;
}

sub decide
{
    my ($provider, $title, $call) = @_;
    return query("SELECT $call FROM cmms.work_order WHERE provider_id = '$provider' AND title = '$title'");
}

sub state_of
{
    my ($provider, $title) = @_;
    return query("SELECT sync_state FROM cmms.work_order WHERE provider_id = '$provider' AND title = '$title'");
}

sub becomes
{
    my ($provider, $title, $state, $what) = @_;
    ok($node->poll_query_until($db, "SELECT sync_state = '$state' FROM cmms.work_order WHERE provider_id = '$provider' AND title = '$title'"), $what)
      or diag(state_of($provider, $title));
    return;
}

sub sent
{
    my ($simulator) = @_;
    my $summary = $simulator->summary;
    return join ' ', $summary->{creates} // 0, $summary->{updates} // 0, $summary->{deletes} // 0;
}

sub source_id
{
    my ($provider, $title) = @_;
    return query("SELECT source_work_order_id FROM cmms.work_order WHERE provider_id = '$provider' AND title = '$title'");
}

# Draft: nothing leaves unless it was approved.
{
    my $simulator = start_simulator();
    my $provider  = new_provider($simulator, 'draft');
    insert_orders($node, $db, $provider, 3, 'Draft');
    ok(is_idle($node, $db), 'draft: nothing to do for the worker');
    is(sent($simulator), '0 0 0', 'draft: nothing was sent');
    is(query("SELECT count(*) FROM cmms.pending_approval WHERE provider_id = '$provider'"), '3', 'draft: three orders wait');

    is(decide($provider, 'Draft 1', 'cmms.approve(common_work_order_id)'),        't', 'draft: one is approved');
    is(decide($provider, 'Draft 2', "cmms.reject(common_work_order_id, 'no')"), 't', 'draft: one is rejected');
    becomes($provider, 'Draft 1', 'synchronized', 'draft: the approved one is sent');
    ok(is_idle($node, $db), 'draft: and that is all');
    is(sent($simulator), '1 0 0', 'draft: once');
    is(state_of($provider, 'Draft 2'), 'rejected',          'draft: the rejected one stays here');
    is(state_of($provider, 'Draft 3'), 'awaiting_approval', 'draft: the other one waits');

    # An update waits in its turn; rejected, it leaves no trace at the provider, and its values go back.
    query("UPDATE cmms.work_order SET description = 'changed', priority = 'low' WHERE provider_id = '$provider' AND title = 'Draft 1'");
    ok(is_idle($node, $db), 'draft: the update waits');
    is(decide($provider, 'Draft 1', "cmms.reject(common_work_order_id, 'no')"), 't', 'draft: it is rejected');
    ok(is_idle($node, $db), 'draft: nothing follows from that');
    is(sent($simulator), '1 0 0', 'draft: it was not sent');
    is(query("SELECT description, priority, sync_state FROM cmms.work_order WHERE provider_id = '$provider' AND title = 'Draft 1'"),
        'from a test|high|synchronized', 'draft: the order is as the provider has it');

    # A change that is made while an approved one is under way asks for its own approval.
    query("UPDATE cmms.work_order SET priority = 'medium' WHERE provider_id = '$provider' AND title = 'Draft 1'");
    $simulator->fault({ match => { method => 'PATCH' }, count => 1, action => 'latency', latency_ms => 1000 });
    decide($provider, 'Draft 1', 'cmms.approve(common_work_order_id)');
    wait_until('the update', sub { $simulator->summary->{in_progress} > 0 });
    query("UPDATE cmms.work_order SET priority = 'low' WHERE provider_id = '$provider' AND title = 'Draft 1'");
    ok(is_idle($node, $db), 'draft: the update under way is done');
    is(sent($simulator), '1 1 0', 'draft: one update was sent');
    is($simulator->order(source_id($provider, 'Draft 1'))->{priority}, 'medium', 'draft: the one that was approved');
    is(state_of($provider, 'Draft 1'), 'awaiting_approval', 'draft: the later one waits');
    is(decide($provider, 'Draft 1', 'cmms.approve(common_work_order_id)'), 't', 'draft: until it is approved');
    becomes($provider, 'Draft 1', 'synchronized', 'draft: then it is sent');
    is($simulator->order(source_id($provider, 'Draft 1'))->{priority}, 'low', 'draft: as it is');

    # The same where the approved attempt fails first.
    query("UPDATE cmms.work_order SET priority = 'high' WHERE provider_id = '$provider' AND title = 'Draft 1'");
    $simulator->fault({ match => { method => 'PATCH' }, count => 1, action => 'status', status => 500, latency_ms => 1000 });
    decide($provider, 'Draft 1', 'cmms.approve(common_work_order_id)');
    wait_until('the update', sub { $simulator->summary->{in_progress} > 0 });
    query("UPDATE cmms.work_order SET priority = 'none' WHERE provider_id = '$provider' AND title = 'Draft 1'");
    ok(is_idle($node, $db), 'draft: the attempt is over');
    isnt($simulator->order(source_id($provider, 'Draft 1'))->{priority}, 'none', 'draft: what nobody approved is not sent');
    is(state_of($provider, 'Draft 1'), 'awaiting_approval', 'draft: it waits');
    decide($provider, 'Draft 1', "cmms.reject(common_work_order_id, 'enough')");

    # What changes there arrives.
    $simulator->change(ids => [ source_id($provider, 'Draft 1') ], set => { description => 'from there' });
    query("SELECT cmms.poll_now('$provider')");
    ok($node->poll_query_until($db, "SELECT description = 'from there' FROM cmms.work_order WHERE provider_id = '$provider' AND title = 'Draft 1'"),
        'draft: news of the provider are taken in');

    # A rejected delete leaves the order there; an approved one does not.
    my $id = source_id($provider, 'Draft 1');
    my $before = $simulator->summary->{deletes} // 0;
    query("DELETE FROM cmms.work_order WHERE provider_id = '$provider' AND title = 'Draft 1'");
    ok(is_idle($node, $db), 'draft: the delete waits');
    is(query("SELECT cmms.reject(common_work_order_id, 'keep it') FROM cmms.pending_approval WHERE source_work_order_id = '$id'"), 't', 'draft: it is rejected');
    $simulator->change(ids => [$id], set => { description => 'still there' });
    query("SELECT cmms.poll_now('$provider')");
    ok($node->poll_query_until($db, "SELECT description = 'still there' FROM cmms.work_order WHERE provider_id = '$provider' AND source_work_order_id = '$id'"),
        'draft: the next news brings the order back');
    is($simulator->summary->{deletes} // 0, $before, 'draft: nothing was deleted');
}

# Handoff: a new order once, then it is the provider's.
{
    my $simulator = start_simulator();
    my $provider  = new_provider($simulator, 'handoff');
    insert_orders($node, $db, $provider, 2, 'Handed');
    ok(is_idle($node, $db), 'handoff: the orders are sent');
    is(sent($simulator), '2 0 0', 'handoff: once each');
    every_order_is_there_once($node, $db, $provider, $simulator, 2, 'handoff');
    my ($status, $output, $errors) = $node->psql($db, "UPDATE cmms.work_order SET priority = 'low' WHERE provider_id = '$provider'");
    like($errors, qr/was handed over to provider/, 'handoff: a local change is refused');
    $simulator->change(ids => [ source_id($provider, 'Handed 1') ], set => { priority => 'medium' });
    query("SELECT cmms.poll_now('$provider')");
    ok($node->poll_query_until($db, "SELECT priority = 'medium' FROM cmms.work_order WHERE provider_id = '$provider' AND title = 'Handed 1'"),
        'handoff: news of the provider are taken in');
    ok(is_idle($node, $db), 'handoff: and nothing comes back');
    is(sent($simulator), '2 0 0', 'handoff: nothing else was sent');
}

unlike(slurp_file($node->logfile), qr/PANIC|was terminated by signal/, 'no process has crashed');

done_testing();
