# What every provider goes through, from the first order to the backfill. Each scenario is a function of a connected provider. It returns
# a remark for the table ('' for a plain success, "cannot: why" where the provider cannot do it, after having shown that pg_cmms says so)
# and dies with the reason where something is wrong. The truth is looked up on both sides: in the database and at the provider.
package Scenario;

use strict;
use warnings;
use utf8;

use Cmms qw(wait_until);
use Exporter qw(import);

our @EXPORT_OK = qw(scenarios);

my $rate_limit = { limit => 12, window_seconds => 1 };
my $limited    = 20;      # orders, and so more requests than the rate limit lets through at once
my $backfill   = 10_000;  # records, unless told otherwise

# In the order of the table: name for the command line, row of the table, function.
sub scenarios
{
    my (%wanted) = @_;
    $backfill = $wanted{backfill} // $backfill;
    return (
        { name => 'create',       title => 'create',                   run => \&create },
        { name => 'id',           title => 'id',                       run => \&id },
        { name => 'update',       title => 'update',                   run => \&update },
        { name => 'status_walk',  title => 'status walk',              run => \&status_walk },
        { name => 'poll',         title => 'remote change by poll',    run => \&poll },
        { name => 'webhook',      title => 'remote change by webhook', run => \&webhook },
        { name => 'conflict',     title => 'conflict',                 run => \&conflict },
        { name => 'rate_limit',   title => 'rate limit',               run => \&rate_limit },
        { name => 'auth_failure', title => 'auth failure',             run => \&auth_failure },
        { name => 'outage',       title => 'outage and recovery',      run => \&outage },
        { name => 'backfill',     title => 'backfill of ' . with_commas($backfill), run => \&backfill, activates_itself => 1 },
    );
}

sub with_commas
{
    my ($number) = @_;
    return scalar reverse(reverse($number) =~ s/(\d{3})(?=\d)/$1,/gr);
}

# --- what is checked -----------------------------------------------------------------------------------------------------------------

sub must
{
    my ($condition, $what) = @_;
    die "$what\n" unless $condition;
    return;
}

sub must_be
{
    my ($got, $expected, $what) = @_;
    $got //= 'null';
    die "$what: expected $expected, got $got\n" unless $got eq $expected;
    return;
}

# Each of these orders is at the provider exactly once, under the id that the database has, with the same values.
sub agree
{
    my ($provider, @orders) = @_;
    my %records;
    push @{ $records{ $_->{reference} // '' } }, $_ for $provider->records;
    my @rows = $provider->orders(@orders);
    must_be(scalar @rows, scalar @orders, 'orders in the database');
    for my $row (@rows)
    {
        my ($record, @others) = map { @{ $records{$_} // [] } } $provider->references_of($row->{common_work_order_id});
        must($record && !@others, "\"$row->{title}\" is not at the provider once but " . ($record ? 1 + @others : 0) . ' times');
        must_be($row->{source_work_order_id}, $record->{id},  "id of \"$row->{title}\" in the database");
        must_be($row->{sync_state},           'synchronized', "sync_state of \"$row->{title}\"");
        same_values($provider, $row, $record);
    }
    my $summary = $provider->simulator->summary;
    my @doubled = map { %{ $summary->{$_} } } grep { /^doubled/ } keys %$summary;
    must_be(scalar @doubled, 0, 'records that were created twice');
    return;
}

sub same_values
{
    my ($provider, $row, $record) = @_;
    my $shown = $provider->shown($record);
    must_be($row->{$_}, $shown->{$_} // 'null', "$_ of order $record->{id} in the database") for sort keys %$shown;
    my ($ours, $theirs) = ($row->{source_status} // '', $provider->status_there($record));
    must($ours =~ /\b\Q$theirs\E\b/, "source_status of order $record->{id} in the database: \"$ours\" instead of \"$theirs\"");
    return;
}

# One order that both sides know.
sub known_order
{
    my ($provider, $title) = @_;
    my ($order) = $provider->insert(1, $title);
    $provider->settle;
    agree($provider, $order);
    return ($order, $provider->order($order)->{source_work_order_id});
}

# Where a provider cannot do something pg_cmms says so, at once or as the order's error, and the provider is not touched.
sub must_refuse
{
    my ($provider, $order, $statement, $reason) = @_;
    my $writes = $provider->writes;
    my $before = $provider->record($provider->order($order)->{source_work_order_id});
    my $error  = $provider->error_of($statement);
    if ($error eq '')
    {
        $provider->idle;
        my $row = $provider->order($order);
        must_be($row->{sync_state}, 'rejected', 'sync_state of an order with a change that the provider cannot take');
        $error = $row->{last_error} // '';
    }
    must($error =~ $reason, "the reason is not told: $error");
    must_be($provider->writes, $writes, 'writes at the provider');
    same_record($provider, $before);
    return;
}

sub same_record
{
    my ($provider, $before) = @_;
    my $after = $provider->record($before->{id});
    my ($was, $is) = map { $provider->shown($_) } $before, $after;
    must_be($provider->status_there($after), $provider->status_there($before), 'status at the provider');
    must_be($is->{$_}, $was->{$_} // 'null', "$_ of order $before->{id} at the provider") for sort keys %$was;
    return;
}

# --- ours to theirs ------------------------------------------------------------------------------------------------------------------

sub create
{
    my ($provider) = @_;
    $provider->value("BEGIN; INSERT INTO cmms.work_order (provider_id, title) VALUES ('" . $provider->server . "', 'rolled back'); ROLLBACK");
    my @orders = $provider->insert(3, 'Pump');
    $provider->settle;
    agree($provider, @orders);
    must_be(scalar $provider->records,             3, 'records at the provider');
    must_be($provider->simulator->summary->{creates}, 3, 'creates');
    return '';
}

sub id
{
    my ($provider) = @_;
    $provider->hide_new_records;
    my ($order) = $provider->insert(1, 'Valve');
    $provider->idle;
    my $remark = '';
    if ($provider->tells_no_id)
    {
        my $row = $provider->order($order);
        must_be($row->{sync_state},           'pending', 'sync_state before the id is known');
        must_be($row->{source_work_order_id}, 'null',    'id before it is told');
        $provider->ingest($provider->webhooks);
        $remark = 'told by a webhook';
    }
    agree($provider, $order);
    my $writes = $provider->writes;
    $provider->poll;
    must_be(scalar $provider->json("SELECT 1 FROM cmms.work_order WHERE provider_id = '" . $provider->server . "'"), 1, 'rows after a poll');
    agree($provider, $order);
    must_be($provider->writes, $writes, 'writes at the provider');
    return $remark;
}

sub update
{
    my ($provider) = @_;
    my ($order, $number) = known_order($provider, 'Freezer');
    my $statement = "UPDATE cmms.work_order SET title = 'Freezer 3 \\O\"ring — größer', priority = 'low' WHERE common_work_order_id = '$order'";
    if (my ($why, $reason) = $provider->cannot('update'))
    {
        must_refuse($provider, $order, $statement, $reason);
        return "cannot: $why";
    }
    my $writes = $provider->writes;
    $provider->value($statement);
    $provider->settle;
    agree($provider, $order);
    must_be($provider->shown($provider->record($number))->{priority}, 'low', 'priority at the provider');
    must_be($provider->writes, $writes + 1, 'writes at the provider');
    return '';
}

sub status_walk
{
    my ($provider) = @_;
    my ($order, $number) = known_order($provider, 'Boiler');
    if (my ($why, $reason) = $provider->cannot('status_walk'))
    {
        must_refuse($provider, $order, "UPDATE cmms.work_order SET common_status = 'completed' WHERE common_work_order_id = '$order'", $reason);
        return "cannot: $why";
    }
    my @steps = $provider->walk;
    for my $step (@steps)
    {
        my ($ours, $theirs, $requests) = @$step;
        my $writes = $provider->writes;
        $provider->value("UPDATE cmms.work_order SET common_status = '$ours' WHERE common_work_order_id = '$order'");
        $provider->settle;
        must_be($provider->status_there($provider->record($number)), $theirs, "status at the provider after $ours");
        must_be($provider->writes, $writes + $requests, "writes at the provider for $ours");
        agree($provider, $order);
    }
    my ($history) = $provider->json("SELECT string_agg(to_status, ' ' ORDER BY status_history_id) AS walk, count(DISTINCT cause) AS causes"
          . " FROM cmms.status_history WHERE common_work_order_id = '$order'");
    must_be($history->{walk}, join(' ', 'requested', map { $_->[0] } @steps), 'status history');
    must_be($history->{causes}, 1, 'causes of status changes (only ours)');
    return '';
}

# --- theirs to ours ------------------------------------------------------------------------------------------------------------------

sub poll
{
    my ($provider) = @_;
    my $server = $provider->server;
    my ($order, $number) = known_order($provider, 'Lift');
    my $writes = $provider->writes;
    $provider->change_there($number, title => 'Lift 2', status => 'completed');
    my ($theirs) = $provider->simulator->create(orders => [ $provider->new_there('Made there') ]);
    $provider->poll;

    my ($imported) = $provider->json("SELECT * FROM cmms.work_order WHERE provider_id = '$server' AND source_work_order_id = '$theirs->{id}'");
    must($imported, 'an order that was made at the provider is not here');
    must_be($imported->{title},      'Made there', 'title of the new order');
    must_be($imported->{sync_state}, 'imported',   'sync_state of the new order');
    same_values($provider, $imported, $provider->record($theirs->{id}));

    my $row = $provider->order($order);
    my $blind = $provider->poll_misses;
    must_be($row->{title},         $blind ? 'Lift 1'    : 'Lift 2',    'title after the poll');
    must_be($row->{common_status}, $blind ? 'requested' : 'completed', 'status after the poll');
    agree($provider, $order) unless $blind;
    $provider->poll;
    must_be($provider->writes, $writes, 'writes at the provider (echoes)');
    must_be($provider->order($order)->{updated_at}, $row->{updated_at}, 'time of change after a poll without news');
    return $blind;
}

sub webhook
{
    my ($provider) = @_;
    my ($order, $number) = known_order($provider, 'Fan');
    my @documents = $provider->webhooks_about($number, sub { $provider->change_there($number, status => 'completed') });
    must(scalar @documents, 'the provider sent nothing');
    my $writes   = $provider->writes;
    my $requests = $provider->simulator->summary->{requests};
    my $outcomes = join ', ', $provider->ingest(@documents);
    $provider->idle;
    my $row = $provider->order($order);
    must_be($row->{common_status}, 'completed', "status after webhooks that were $outcomes");
    agree($provider, $order);
    my $reads = grep { index($_->{path}, $number) >= 0 } $provider->simulator->ledger(since => $requests);
    must($reads <= 1, "the order was read $reads times");

    my @again = grep { !/^(?:duplicate|unchanged|ignored)$/ } $provider->ingest(@documents);
    $provider->idle;
    must_be("@again", '', 'outcomes of the same webhooks once more');
    must_be($provider->order($order)->{updated_at}, $row->{updated_at}, 'time of change after the same webhooks once more');
    must_be($provider->writes, $writes, 'writes at the provider (echoes)');
    return $provider->webhook_remark;
}

# Both sides change the title; a person decides.
sub conflict
{
    my ($provider) = @_;
    my $server = $provider->server;
    my ($order, $number) = known_order($provider, 'Gate');
    my $statement = "UPDATE cmms.work_order SET title = 'Gate: ours' WHERE common_work_order_id = '$order'";
    $provider->value("INSERT INTO cmms.field_map (provider_id, direction, target, source, owner)"
          . " VALUES ('$server', 'inbound', 'title', '" . $provider->title_member . "', 'manual')");
    $provider->change_there($number, title => 'Gate: theirs');
    if (my ($why, $reason) = $provider->cannot('conflict'))
    {
        must_refuse($provider, $order, $statement, $reason);
        must_be(scalar $provider->json("SELECT 1 FROM cmms.conflict WHERE provider_id = '$server'"), 0, 'conflicts');
        return "cannot: $why";
    }
    my $writes = $provider->writes;
    $provider->value($statement);
    $provider->idle;
    my ($found, @others) = $provider->json("SELECT * FROM cmms.conflict WHERE provider_id = '$server'");
    must($found && !@others, 'there is not one conflict');
    my ($base, $hub, $theirs) = @$found{qw(base_value hub_value provider_value)};
    must_be("$base, $hub, $theirs", 'Gate 1, Gate: ours, Gate: theirs', 'values of the conflict');
    must_be($provider->order($order)->{sync_state}, 'stale', 'sync_state while it is open');
    must_be($provider->shown($provider->record($number))->{title}, 'Gate: theirs', 'title at the provider while it is open');
    must_be($provider->writes, $writes, 'writes at the provider while it is open');

    $provider->value("SELECT cmms.resolve(tenant_id, conflict_id, 'hub') FROM cmms.conflict WHERE provider_id = '$server'");
    $provider->settle;
    must_be($provider->shown($provider->record($number))->{title}, 'Gate: ours', 'title at the provider after the decision');
    agree($provider, $order);
    must_be($provider->writes, $writes + 1, 'writes at the provider');
    return '';
}

# --- when the provider says no -------------------------------------------------------------------------------------------------------

sub rate_limit
{
    my ($provider) = @_;
    my $simulator = $provider->simulator;
    $provider->poll;
    $simulator->control('DELETE', 'ledger');
    $simulator->control('POST', 'rate_limit', $rate_limit);
    my @orders = $provider->insert($limited, 'Lamp');
    $provider->settle;
    my @requests = $simulator->ledger;
    $simulator->control('POST', 'rate_limit', { limit => 0 });
    agree($provider, @orders);
    must_be($simulator->summary->{creates}, $limited, 'creates');

    my @refused = grep { $_->{status} == 429 } @requests;
    my $windows = @requests / $rate_limit->{limit};
    must($windows > 1, 'the limit was never reached');
    for my $refusal (@refused)
    {
        # A refusal says when to come back: after a second, the whole window.
        my ($from, $to) = ($refusal->{finished_at} + 0.1, $refusal->{finished_at} + $rate_limit->{window_seconds} - 0.1);
        must_be(scalar(grep { $_->{at} > $from && $_->{at} < $to } @requests), 0, 'requests before the time that a refusal told');
    }
    return sprintf '%d refused', scalar @refused;
}

sub auth_failure
{
    my ($provider) = @_;
    my $server = $provider->server;
    $provider->poll;
    $provider->change_credential;
    my @orders = $provider->insert(3, 'Door');
    wait_until('the refusal of the credential', sub { ($provider->health->{last_error_class} // '') eq 'authentication' }, 30);
    my ($test) = $provider->json("SELECT * FROM cmms.test_connection('$server')");
    must(!$test->{authenticated} && $test->{detail}, 'the connection test says nothing about the credential');
    must_be(join(' ', sort map { $provider->order($_)->{sync_state} } @orders) =~ s/pending|retrying/waiting/gr, 'waiting waiting waiting', 'orders');
    must_be(scalar $provider->records, 0, 'records at the provider');

    $provider->use_new_credential;
    $provider->settle;
    agree($provider, @orders);
    must_be($provider->simulator->summary->{creates}, 3, 'creates');
    must_be($provider->health->{circuit}, 'closed', 'circuit');
    return '';
}

# The answers to two creates are lost, then the provider is away while both sides go on.
sub outage
{
    my ($provider) = @_;
    my ($changed_there, $number) = known_order($provider, 'Crane');
    my ($changed_here) = known_order($provider, 'Ramp');
    my $can_update = !$provider->cannot('update');
    $provider->simulator->fault(
        { match => $provider->create_request, action => 'reset_after', count => 2 },
        { action => 'status', status => 503, body => 'down for maintenance' });
    my @orders = $provider->insert(6, 'Belt');
    $provider->value("UPDATE cmms.work_order SET title = 'Ramp, repaired' WHERE common_work_order_id = '$changed_here'") if $can_update;
    $provider->change_there($number, title => 'Crane, moved');
    wait_until('the circuit to open', sub { $provider->health->{circuit} ne 'closed' }, 30);
    must_be($provider->health->{last_error_class}, 'provider_unavailable', 'class of the failure');
    must_be($provider->health->{rejected}, 0, 'rejected orders');

    $provider->simulator->clear_faults;
    $provider->settle;
    $provider->poll;
    agree($provider, @orders, $changed_here, $provider->poll_misses ? () : $changed_there);
    must_be(scalar $provider->records, 8, 'records at the provider');
    must_be($provider->simulator->summary->{creates}, 8, 'creates');
    must_be($provider->health->{circuit}, 'closed', 'circuit');
    return '';
}

# --- everything that is there --------------------------------------------------------------------------------------------------------

sub backfill
{
    my ($provider) = @_;
    my $server = $provider->server;
    my $meanwhile = int($backfill / 40);
    $provider->create_there($backfill, 'Made there');
    $provider->activate;
    my $imported = "SELECT count(*) FROM cmms.work_order WHERE provider_id = '$server'";
    wait_until('a part of the backfill', sub { $provider->value($imported) > $backfill / 4 }, 60);
    # Changed while they are read, all at one moment, some of them read already.
    my %chosen = (offset => int($backfill / 4 - $meanwhile / 2), count => $meanwhile);
    $provider->simulator->change(%chosen, $provider->changes(title => 'Changed there')) unless $provider->poll_misses;
    $provider->poll;

    $provider->keep_records('backfill');
    my ($found) = $provider->json(
        "SELECT count(r.id) AS theirs, count(w.source_work_order_id) AS ours, count(DISTINCT w.source_work_order_id) AS ours_once,"
          . " count(*) FILTER (WHERE r.title = w.title) AS equal, count(*) FILTER (WHERE w.title = 'Changed there') AS changed"
          . " FROM (SELECT document ->> 'id' AS id, document ->> '" . $provider->title_member . "' AS title FROM backfill) r"
          . " FULL JOIN (SELECT * FROM cmms.work_order WHERE provider_id = '$server') w ON w.source_work_order_id = r.id");
    $provider->value('DROP TABLE backfill');
    must_be($found->{theirs},    $backfill, 'records at the provider');
    must_be($found->{ours},      $backfill, 'orders here');
    must_be($found->{ours_once}, $backfill, 'different orders here');
    must_be($found->{equal},     $backfill, 'orders whose title is that of the record');
    must_be($found->{changed},   $provider->poll_misses ? 0 : $meanwhile, 'orders that changed meanwhile');
    must_be($provider->writes, 0, 'writes at the provider (echoes)');
    return '';
}

1;
