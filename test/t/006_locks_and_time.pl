# What an application locks stops nothing but itself, what is ours is recognized, and what waits is taken up when its time has come.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider insert_orders open_session wait_until seconds_for every_order_is_there_once);

my $node = new_node('locks');
my $db   = 'postgres';
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');
my $number = 0;

sub new_provider
{
    my ($simulator) = @_;
    my $provider = 'case_' . ++$number;
    connect_provider($node, $db, $provider, $simulator, options => [q(lookup_grace '1')]);
    ok($node->poll_query_until($db, "SELECT last_complete_at IS NOT NULL FROM cmms.poll_cursor WHERE provider_id = '$provider'"),
        "$provider: the first poll is done");
    return $provider;
}

sub query { return $node->safe_psql($db, $_[0]); }

sub becomes
{
    my ($provider, $condition, $what) = @_;
    ok($node->poll_query_until($db, "SELECT bool_and($condition) FROM cmms.work_order WHERE provider_id = '$provider'"), $what)
      or diag(query("SELECT title, sync_state, last_error_class, last_error FROM cmms.work_order WHERE provider_id = '$provider'"));
    return;
}

sub title_there
{
    my ($simulator, $provider, $title) = @_;
    my $id = query("SELECT source_work_order_id FROM cmms.work_order WHERE provider_id = '$provider' AND title = '$title'");
    return $simulator->order($id)->{title};
}

# Orders that a poll has recognized, one of them changed since.
sub are_settled
{
    my ($simulator, $provider, $what, $count, $updates) = @_;
    becomes($provider, q{sync_state = 'synchronized' AND last_error IS NULL}, "$what: they are synchronized");
    is(title_there($simulator, $provider, 'Changed since'), 'Changed since', "$what: what changed since is sent as an update");
    is(query("SELECT count(*) FROM cmms.outbox WHERE provider_id = '$provider'"), '0', "$what: nothing is left to send");
    my $summary = $simulator->summary;
    is("$summary->{creates} $summary->{updates}", "$count $updates", "$what: by $count creates and $updates updates");
    every_order_is_there_once($node, $db, $provider, $simulator, $count, $what);
    return;
}

my %create = (match => { method => 'POST' });

# An application changes an order and does not commit: the other orders come and go.
{
    my $simulator = start_simulator();
    my $provider  = new_provider($simulator);
    insert_orders($node, $db, $provider, 3, 'Order');
    becomes($provider, q{sync_state = 'synchronized'}, 'lock: three orders are there');

    my $application = open_session($node, $db);
    $application->query(qq{BEGIN; UPDATE cmms.work_order SET title = 'Locked' WHERE provider_id = '$provider' AND title = 'Order 1'});
    insert_orders($node, $db, $provider, 200, 'Other');
    query(qq{UPDATE cmms.work_order SET title = 'Changed' WHERE provider_id = '$provider' AND title = 'Order 2'});
    my $seconds = seconds_for(sub { becomes($provider, q{sync_state = 'synchronized'}, 'lock: 200 others are created and one is changed') });
    cmp_ok($seconds, '<', 10, 'lock: without waiting for it');
    is(title_there($simulator, $provider, 'Changed'), 'Changed', 'lock: the change is at the provider');
    is(query(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_cmms worker' AND xact_start < now() - interval '5 s'}),
        '0', 'lock: the worker has no old transaction');

    # The provider's news of the locked order waits with it; those of other orders do not.
    my %id = map { split / (?=\d+$)/ } split /\n/,
      query("SELECT title || ' ' || source_work_order_id FROM cmms.work_order WHERE provider_id = '$provider' AND title IN ('Order 1', 'Order 3')");
    $simulator->change(ids => [ $id{'Order 1'}, $id{'Order 3'} ], set => { priority => 'medium' });
    query("SELECT cmms.poll_now('$provider')");
    ok($node->poll_query_until($db, "SELECT priority = 'medium' FROM cmms.work_order WHERE provider_id = '$provider' AND title = 'Order 3'"),
        'lock: news of another order is taken in');

    $application->query('COMMIT');
    $application->close;
    ok($node->poll_query_until($db, "SELECT sync_state = 'synchronized' AND priority = 'medium' FROM cmms.work_order WHERE provider_id = '$provider' AND title = 'Locked'"),
        'lock: after the commit its change is sent and its news is there');
    is(title_there($simulator, $provider, 'Locked'), 'Locked', 'lock: with its title');
    every_order_is_there_once($node, $db, $provider, $simulator, 203, 'lock');
}

# An order is locked while its create is under way: the result waits, it is not lost and not asked for again.
{
    my $simulator = start_simulator();
    my $provider  = new_provider($simulator);
    $simulator->fault({ match => { method => 'POST', body => 'Under way' }, action => 'latency', latency_ms => 1000 });
    insert_orders($node, $db, $provider, 1, 'Under way');
    wait_until('the create', sub { $simulator->summary->{in_progress} > 0 });
    my $application = open_session($node, $db);
    $application->query(qq{BEGIN; SELECT FROM cmms.work_order WHERE provider_id = '$provider' FOR UPDATE});
    wait_until('the answer', sub { $simulator->summary->{creates} == 1 && $simulator->summary->{in_progress} == 0 });
    insert_orders($node, $db, $provider, 50, 'Other');
    ok($node->poll_query_until($db, "SELECT count(*) = 50 FROM cmms.work_order WHERE provider_id = '$provider' AND sync_state = 'synchronized'"),
        'locked result: the results of 50 other orders are recorded');
    is($application->query("SELECT sync_state FROM cmms.work_order WHERE provider_id = '$provider' AND title LIKE 'Under way%'"),
        'pending', 'locked result: that of the locked one is not');
    $application->query('ROLLBACK');
    $application->close;
    becomes($provider, q{sync_state = 'synchronized'}, 'locked result: it is recorded after the rollback');
    is($simulator->summary->{by_method}{POST} // scalar($simulator->ledger(method => 'POST')), 51, 'locked result: nothing was sent twice');
    every_order_is_there_once($node, $db, $provider, $simulator, 51, 'locked result');
}

# A create without an answer, and no look-up that works: a poll that finds our reference adopts the order.
{
    my $simulator = start_simulator();
    my $provider  = new_provider($simulator);
    $simulator->fault(
        { %create, action => 'reset_after' },
        { match => { method => 'GET', query => 'description' }, action => 'status', status => 500 });
    insert_orders($node, $db, $provider, 5, 'Lost');
    becomes($provider, q{sync_state = 'in_doubt' AND source_work_order_id IS NULL}, 'adoption: the orders are in doubt');
    query("UPDATE cmms.work_order SET title = 'Changed since' WHERE provider_id = '$provider' AND title = 'Lost 5'");
    query("SELECT cmms.poll_now('$provider')");
    ok($node->poll_query_until($db, "SELECT count(*) = 5 FROM cmms.work_order WHERE provider_id = '$provider' AND source_work_order_id IS NOT NULL"),
        'adoption: the poll recognizes them');
    are_settled($simulator, $provider, 'adoption', 5, 1);
}

# The same while look-ups are under way: what they end with, later, does not take back what the poll has found.
{
    my $simulator = start_simulator();
    my $provider  = new_provider($simulator);
    $simulator->fault(
        { %create, action => 'reset_after' },
        { match => { method => 'GET', query => 'description' }, action => 'status', status => 500, latency_ms => 3000 });
    insert_orders($node, $db, $provider, 4, 'Lost');
    wait_until('the look-ups', sub { $simulator->summary->{in_progress} == 4 });
    query("UPDATE cmms.work_order SET title = 'Changed since' WHERE provider_id = '$provider' AND title = 'Lost 4'");
    query("SELECT cmms.poll_now('$provider')");
    ok($node->poll_query_until($db, "SELECT count(*) = 4 FROM cmms.work_order WHERE provider_id = '$provider' AND source_work_order_id IS NOT NULL"),
        'late look-up: the poll recognizes the orders');
    is($simulator->summary->{in_progress}, 4, 'late look-up: before it is answered');
    # As cmms.settle_adopted does where the provider does not show the order's status yet.
    query("UPDATE cmms.outbox SET source_record_id = 'known' WHERE record_id = (SELECT common_work_order_id FROM cmms.work_order WHERE provider_id = '$provider' AND title = 'Lost 3')");
    # The second update is the status that was still to be walked to.
    are_settled($simulator, $provider, 'late look-up', 4, 2);
}

# A change made while an earlier one is under way leaves as soon as that is done.
{
    my $simulator = start_simulator();
    my $provider  = new_provider($simulator);
    insert_orders($node, $db, $provider, 1, 'Busy');
    becomes($provider, q{sync_state = 'synchronized'}, 'in time: the order is there');
    $simulator->fault({ match => { method => 'PATCH' }, action => 'latency', latency_ms => 300 });
    my $seconds = seconds_for(
        sub {
            for my $round (1 .. 5)
            {
                query("UPDATE cmms.work_order SET title = 'First $round' WHERE provider_id = '$provider'");
                wait_until('the update', sub { $simulator->summary->{in_progress} > 0 });
                query("UPDATE cmms.work_order SET title = 'Second $round' WHERE provider_id = '$provider'");
                becomes($provider, q{sync_state = 'synchronized'}, "in time: both changes of round $round are sent");
            }
        });
    is(title_there($simulator, $provider, 'Second 5'), 'Second 5', 'in time: the last title is there');
    is($simulator->summary->{updates}, 10, 'in time: by an update each');
    cmp_ok($seconds, '<', 10, 'in time: the second one follows the first at once');
}

# A failed push is repeated after cmms.retry_base, not when something else happens.
{
    my $simulator = start_simulator();
    my $provider  = new_provider($simulator);
    insert_orders($node, $db, $provider, 1, 'Repeated');
    becomes($provider, q{sync_state = 'synchronized'}, 'retry: the order is there');
    my $seconds = seconds_for(
        sub {
            for my $round (1 .. 4)
            {
                $simulator->fault({ match => { method => 'PATCH' }, count => 1, action => 'status', status => 500 });
                query("UPDATE cmms.work_order SET title = 'Round $round' WHERE provider_id = '$provider'");
                becomes($provider, q{sync_state = 'synchronized'}, "retry: round $round is sent at the second attempt");
            }
        });
    is($simulator->summary->{updates}, 4, 'retry: four updates');
    cmp_ok($seconds, '<', 9, 'retry: each came after about a second');
}

# Two sessions import the same page: the second one waits, and finds each record as the first one has left it.
{
    my $provider = 'page_file';
    query("CREATE SERVER $provider FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'http://127.0.0.1:9')");
    query(qq{SELECT cmms.set_field_mapping('$provider', '{"work_order": {"id": "id", "title": "title"}}')});
    my $import = sub {
        my ($from, $to) = @_;
        return qq{SELECT i.outcome, count(*) FROM cmms.import_records('$provider', (SELECT jsonb_agg(jsonb_build_object('id', n, 'title', 'Order ' || n))
            FROM generate_series($from, $to) n)) i GROUP BY 1 ORDER BY 1};
    };
    my $first = open_session($node, $db);
    is($first->query('BEGIN; ' . $import->(1, 50)), 'created|50', 'same page: the first session creates 50 orders');
    my $second = open_session($node, $db);
    $second->start($import->(26, 100));
    ok($node->poll_query_until($db, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%import_records%'}),
        'same page: the second one waits for it');
    $first->query('COMMIT');
    is($second->result, "created|50\nunchanged|25", 'same page: and creates the others');
    is(query(qq{SELECT count(*), count(DISTINCT w.source_work_order_id), count(h.*) FROM cmms.work_order w
        LEFT JOIN cmms.status_history h USING (tenant_id, common_work_order_id) WHERE w.provider_id = '$provider'}),
        '100|100|100', 'same page: each order is there once, with its history');
    is(query(qq{SELECT count(*) FROM cmms.event WHERE provider_id = '$provider'}), '100', 'same page: and its event');
}

# A status that an order has been given, though not yet for good, cannot be deleted.
{
    query(q{INSERT INTO cmms.common_status (name, sort_order) VALUES ('paused', 61)});
    my $application = open_session($node, $db);
    $application->query(q{BEGIN; INSERT INTO cmms.work_order (provider_id, title, common_status) VALUES ('page_file', 'Paused', 'paused')});
    my $administrator = open_session($node, $db);
    $administrator->start(q{DELETE FROM cmms.common_status WHERE name = 'paused'});
    ok($node->poll_query_until($db, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'DELETE%paused%'}),
        'vocabulary: the deletion waits for the order');
    $application->query('COMMIT');
    like($administrator->failure, qr/violates foreign key constraint "work_order_common_status_fkey"/, 'vocabulary: and is refused');
}

# One whose deletion is under way is given to no order, however lately it was known.
for my $isolation ('READ COMMITTED', 'REPEATABLE READ')
{
    my $case = "vocabulary, $isolation";
    query(q{INSERT INTO cmms.common_status (name, sort_order) VALUES ('parked', 62)});
    my $insert = q{INSERT INTO cmms.work_order (provider_id, title, common_status) VALUES ('page_file', 'Parked', 'parked')};
    my $application = open_session($node, $db);
    $application->query("BEGIN; $insert; ROLLBACK");
    is($application->query("BEGIN ISOLATION LEVEL $isolation; SELECT count(*) FROM cmms.common_status WHERE name = 'parked'"), '1', "$case: it is known");
    my $administrator = open_session($node, $db);
    $administrator->query(q{BEGIN; DELETE FROM cmms.common_status WHERE name = 'parked'});
    $application->start($insert);
    ok($node->poll_query_until($db, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT%Parked%'}),
        "$case: an order waits for the deletion");
    $administrator->query('COMMIT');
    $administrator->close;
    like($application->failure, qr/violates foreign key constraint "work_order_common_status_fkey"|could not serialize access/, "$case: and is refused");
}

# Two sessions insert rows with one key at the same time: one order, which has what the later one says.
{
    query(q{SELECT count(*) FROM cmms.set_row_mapping('page_file', 'fault', '{"key": "machine", "title": "subject"}')});
    query(q{CREATE TABLE fault (machine text, subject text)});
    query(q{CREATE TRIGGER to_cmms AFTER INSERT ON fault FOR EACH ROW EXECUTE FUNCTION cmms.sync_row('page_file', 'fault')});
    my $first = open_session($node, $db);
    $first->query(q{BEGIN; INSERT INTO fault VALUES ('Press 4', 'Leaks')});
    my $second = open_session($node, $db);
    $second->start(q{INSERT INTO fault VALUES ('Press 4', 'Leaks more')});
    ok($node->poll_query_until($db, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO fault%'}),
        'same key: the second session waits for the first');
    $first->query('COMMIT');
    is($second->result, '', 'same key: and goes through');
    is(query(q{SELECT string_agg(title, ',') FROM cmms.work_order WHERE title LIKE 'Leaks%'}), 'Leaks more', 'same key: there is one order');
    is(query(q{SELECT count(*) FROM cmms.held_record WHERE direction = 'row'}), '0', 'same key: nothing is held');
}

unlike(slurp_file($node->logfile), qr/PANIC|was terminated by signal/, 'no process has crashed');

done_testing();
