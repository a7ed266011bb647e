# The server is stopped in every way in the middle of pushes, the standby that it has to wait for is missing, its clock is set back.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider worker_pid insert_orders is_idle open_session wait_until seconds_for every_order_is_there_once);

my $node = new_node('stops', 'cmms.fallback_poll_interval = 2s', 'wal_level = replica', 'max_wal_senders = 5');
my $db   = 'postgres';
my ($faketime) = glob '/usr/lib/*/faketime/libfaketime.so.1';
die 'this test needs the library of the package faketime' unless defined $faketime;

sub query { return $node->safe_psql($db, $_[0]); }
sub under_way { my ($simulator, $count) = @_; return wait_until('requests under way', sub { $simulator->summary->{in_progress} >= $count }); }

sub new_provider
{
    my ($provider, %how) = @_;
    my $simulator = start_simulator();
    connect_provider($node, $db, $provider, $simulator, import_since => '2020-01-01', options => [q(lookup_grace '1')], %how);
    ok(is_idle($node, $db), "$provider is connected");
    return $simulator;
}

sub synchronized
{
    my ($provider, $what) = @_;
    return ok($node->poll_query_until($db, "SELECT bool_and(sync_state = 'synchronized') FROM cmms.work_order WHERE provider_id = '$provider'"), $what)
      || diag(query("SELECT sync_state, last_error, count(*) FROM cmms.work_order WHERE provider_id = '$provider' GROUP BY 1, 2"));
}

query('CREATE EXTENSION pg_cmms');

# Each kind of stop, in the middle.
{
    my $simulator = new_provider('stopped');
    $simulator->fault({ match => { method => 'POST' }, action => 'latency', latency_ms => 40 });
    insert_orders($node, $db, 'stopped', 400);
    my $wanted = 50;
    for my $mode ('fast', 'smart', 'immediate')
    {
        wait_until("$wanted creates", sub { $simulator->summary->{creates} >= $wanted });
        my $seconds = seconds_for(sub { $node->stop($mode) });
        cmp_ok($seconds, '<', 2, "a stop in mode $mode ends at once") unless $mode eq 'immediate';
        $node->start;
        $wanted += 100;
    }
    cmp_ok($simulator->summary->{creates}, '<', 400, 'all of them came in the middle');
    synchronized('stopped', 'all is sent after a fast, a smart and an immediate stop');
    every_order_is_there_once($node, $db, 'stopped', $simulator, 400, 'stopped');

    $simulator->reset;
    $simulator->fault({ match => { method => 'POST' }, action => 'hang', seconds => 60 });
    insert_orders($node, $db, 'stopped', 3, 'Hanging');
    under_way($simulator, 3);
    cmp_ok(seconds_for(sub { $node->stop('smart') }), '<', 1, 'nor does a smart stop wait for a provider that hangs');
    $node->start;
    query("SELECT cmms.deactivate('stopped')");
}

# A synchronous standby that is not there: what is not safe on it is not sent, and nothing of ours holds a stop up.
{
    my $simulator = new_provider('unsafe');
    query('CREATE DATABASE other');
    query(q{ALTER SYSTEM SET synchronous_standby_names = 'missing'});
    $node->restart;
    query("SET synchronous_commit = local; INSERT INTO cmms.work_order (provider_id, title) VALUES ('unsafe', 'Not safe yet')");
    ok($node->poll_query_until($db, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pg_cmms worker' AND wait_event = 'SyncRep'}),
        'without the synchronous standby the worker waits in its commit, as everybody does');
    is($simulator->summary->{creates}, 0, 'and nothing is sent');
    cmp_ok(seconds_for(sub { $node->stop('fast') }), '<', 2, 'a fast stop does not wait');
    $node->start;
    ok($node->poll_query_until($db, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pg_cmms worker' AND wait_event = 'SyncRep'}),
        'after it the worker waits again');
    cmp_ok(seconds_for(sub { query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_cmms worker'; SET synchronous_commit = local; DROP DATABASE other") }),
        '<', 3, 'a database can be dropped once the worker is terminated');
    query('SET synchronous_commit = local; ALTER SYSTEM RESET synchronous_standby_names');
    $node->reload;
    synchronized('unsafe', 'without the demand for a standby it is sent');
    every_order_is_there_once($node, $db, 'unsafe', $simulator, 1, 'missing standby');
}

# The clock is set back by hours, again and again.
{
    my $simulator = new_provider('early', poll_interval => '2 s');
    my $offset    = PostgreSQL::Test::Utils::tempdir() . '/offset';
    my $set_clock = sub {
        my ($text) = @_;
        append_to_file("$offset.new", "$text\n");
        rename "$offset.new", $offset or die "rename: $!";
        return;
    };
    # Only the clock: what the file system says of a file stays as it is.
    my %faked = (LD_PRELOAD => $faketime, FAKETIME_TIMESTAMP_FILE => $offset, FAKETIME_NO_CACHE => 1,
        FAKETIME_DONT_FAKE_MONOTONIC => 1, NO_FAKE_STAT => 1);
    my $start = sub {
        local @ENV{ keys %faked } = values %faked;
        $node->start;
        return;
    };
    $set_clock->('+0');
    $node->stop;
    $start->();
    my $started = query('SELECT clock_timestamp()');
    worker_pid($node, $db);

    # Queued before, committed after.
    my $application = open_session($node, $db);
    $application->query("BEGIN; INSERT INTO cmms.work_order (provider_id, title) VALUES ('early', 'From the future')");
    $simulator->fault({ match => { method => 'POST', body => 'Repeated' }, action => 'status', status => 500 });
    insert_orders($node, $db, 'early', 1, 'Repeated');
    $node->poll_query_until($db, q{SELECT count(*) = 1 FROM cmms.outbox WHERE attempts > 0 AND state = 'pending'});
    $set_clock->('-3h');
    is(query("SELECT clock_timestamp() < '$started'::timestamptz - interval '2 h'"), 't', 'the clock is set back by three hours');
    $application->query('COMMIT');
    $application->close;
    insert_orders($node, $db, 'early', 1, 'From now');
    $simulator->clear_faults;
    cmp_ok(seconds_for(sub { synchronized('early', 'what was queued before that is sent') }), '<', 15, 'within the fallback interval');
    every_order_is_there_once($node, $db, 'early', $simulator, 3, 'clock set back');

    # A worker that finds what another has claimed later than now.
    $simulator->fault({ match => { method => 'POST' }, action => 'latency', latency_ms => 60_000 });
    insert_orders($node, $db, 'early', 2, 'Claimed in the future');
    under_way($simulator, 2);
    $node->stop('immediate');
    $simulator->clear_faults;
    $set_clock->('-6h');
    $start->();
    cmp_ok(seconds_for(sub { synchronized('early', 'what a worker had claimed before the clock was set back is taken over') }), '<', 20, 'within a few fallback intervals');
    every_order_is_there_once($node, $db, 'early', $simulator, 5, 'claimed in the future');
    $simulator->create(orders => [ { title => 'Theirs' } ]);
    ok($node->poll_query_until($db, "SELECT count(*) = 1 FROM cmms.work_order WHERE title = 'Theirs'"), 'and polls go on');
    query('CREATE DATABASE late');
    $node->safe_psql('late', 'CREATE EXTENSION pg_cmms');
    cmp_ok(seconds_for(sub { worker_pid($node, 'late') }), '<', 5, 'and new databases are served');
}

done_testing();
