# What a DBA drops, alters, terminates or breaks while requests are under way: nobody waits for HTTP, nothing is lost, doubled or retried in a loop.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider worker_pid insert_orders is_idle wait_until seconds_for every_order_is_there_once);

# The settings that this file changes by a reload are at their defaults here: a shorter fallback interval would hide a missed wake-up.
my $node = new_node('drop_and_alter', 'max_prepared_transactions = 5');
my $db   = 'postgres';
my $number = 0;

sub query { return $node->safe_psql($db, $_[0]); }
sub said { my ($pattern, $from) = @_; return scalar(() = slurp_file($node->logfile, $from // 0) =~ /$pattern/g); }

sub new_provider
{
    my (@faults) = @_;
    my $simulator = start_simulator();
    my $provider  = 'case_' . ++$number;
    connect_provider($node, $db, $provider, $simulator, import_since => '2100-01-01', options => [q(lookup_grace '1')]);
    ok(is_idle($node, $db), "$provider is connected");
    $simulator->fault(@faults) if @faults;
    return ($simulator, $provider);
}

sub synchronized
{
    my ($provider, $what) = @_;
    return ok($node->poll_query_until($db, "SELECT bool_and(sync_state = 'synchronized') FROM cmms.work_order WHERE provider_id = '$provider'"), $what)
      || diag(query("SELECT sync_state, last_error, count(*) FROM cmms.work_order WHERE provider_id = '$provider' GROUP BY 1, 2"));
}

sub under_way { my ($simulator, $count) = @_; return wait_until('requests under way', sub { $simulator->summary->{in_progress} >= ($count // 1) }); }

my @slow = ({ match => { method => 'POST' }, action => 'latency', latency_ms => 40 });
my @hang = ({ match => { method => 'POST' }, action => 'hang', seconds => 60 });

query('CREATE EXTENSION pg_cmms');
worker_pid($node, $db);

# Terminated in the middle: the worker, the launcher, both. A cancel does nothing.
{
    my ($simulator, $provider) = new_provider(@slow);
    insert_orders($node, $db, $provider, 400);
    my $terminate = q{SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type };
    for my $round ([ 60, "= 'pg_cmms worker'" ], [ 150, "= 'pg_cmms launcher'" ], [ 240, "LIKE 'pg_cmms%'" ])
    {
        my ($creates, $which) = @$round;
        wait_until("$creates creates", sub { $simulator->summary->{creates} >= $creates });
        my $worker = worker_pid($node, $db);
        query(q{SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE backend_type LIKE 'pg_cmms%'});
        is(worker_pid($node, $db), $worker, 'the worker is still there after a cancel');
        query($terminate . $which);
    }
    synchronized($provider, 'all is sent although worker and launcher were terminated and cancelled');
    every_order_is_there_once($node, $db, $provider, $simulator, 400, 'terminated');
    ok($node->poll_query_until($db, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pg_cmms launcher'}), 'there is a launcher again');
}

# The connection changes and goes while requests hang.
{
    my ($simulator, $provider) = new_provider(@hang);
    my $other = start_simulator();
    insert_orders($node, $db, $provider, 3, 'Hanging');
    under_way($simulator, 3);
    cmp_ok(seconds_for(sub { query("ALTER SERVER $provider OPTIONS (SET base_url '" . $other->api . "')") }), '<', 2, 'ALTER SERVER does not wait for the provider');
    insert_orders($node, $db, $provider, 1, 'Elsewhere');
    ok($node->poll_query_until($db, "SELECT count(*) = 1 FROM cmms.work_order WHERE provider_id = '$provider' AND sync_state = 'synchronized'"),
        'what is sent from then on goes to the new address');
    is($other->summary->{creates}, 1, 'once');
    cmp_ok(seconds_for(sub { query("DROP USER MAPPING FOR PUBLIC SERVER $provider") }), '<', 2, 'DROP USER MAPPING does not wait for it');
    insert_orders($node, $db, $provider, 1, 'Without a key');
    ok($node->poll_query_until($db, "SELECT last_error_class = 'authentication' FROM cmms.provider_state WHERE provider_id = '$provider'"),
        'the view says that the connection cannot be used');
    is($other->summary->{creates}, 1, 'and nothing is created');
    query("CREATE USER MAPPING FOR PUBLIC SERVER $provider OPTIONS (api_key 'test-key')");
    ok($node->poll_query_until($db, "SELECT sync_state = 'synchronized' FROM cmms.work_order WHERE title LIKE 'Without a key%'"), 'with a new mapping it is');
    query("CREATE ROLE keeper; GRANT USAGE ON FOREIGN DATA WRAPPER cmms TO keeper; ALTER SERVER $provider OWNER TO keeper; REASSIGN OWNED BY keeper TO CURRENT_USER; DROP OWNED BY keeper; DROP ROLE keeper");
    insert_orders($node, $db, $provider, 1, 'Another owner');
    ok($node->poll_query_until($db, "SELECT sync_state = 'synchronized' FROM cmms.work_order WHERE title LIKE 'Another owner%'"),
        'nor does it matter that the role goes which owned the server for a while');
    my $position = -s $node->logfile;
    cmp_ok(seconds_for(sub { query("DROP SERVER $provider CASCADE") }), '<', 2, 'DROP SERVER does not wait for it');
    $simulator->clear_faults;
    is(query("SELECT count(*) FROM cmms.sync_health WHERE provider_id = '$provider'"), '0', 'the provider is gone');
    my ($sound, $healthy) = new_provider();
    insert_orders($node, $db, $healthy, 1, 'Healthy');
    synchronized($healthy, 'another provider is served');
    cmp_ok(said('WARNING', $position), '<', 5, 'and nothing is tried in a loop');
    # What waits was meant for the old server; a new one of its name may be another system.
    my $queued = query("SELECT count(*) FROM cmms.outbox WHERE provider_id = '$provider'");
    cmp_ok($queued, '>', 0, 'changes for the dropped server are still queued');
    my $namesake = start_simulator();
    query("CREATE SERVER $provider FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint', base_url '" . $namesake->api . "', entity_id '12');"
        . "CREATE USER MAPPING FOR PUBLIC SERVER $provider OPTIONS (api_key 'test-key')");
    insert_orders($node, $db, $healthy, 1, 'Meanwhile');
    synchronized($healthy, 'others are served meanwhile');
    is(query("SELECT active FROM cmms.provider WHERE provider_id = '$provider'"), 'f', 'a new server of the same name is not active');
    is($namesake->summary->{creates}, 0, 'and is sent nothing');
    query("SELECT cmms.activate('$provider', import_since => '2100-01-01')");
    ok(is_idle($node, $db), 'once it is activated');
    is(query("SELECT count(*) FROM cmms.outbox WHERE provider_id = '$provider'"), '0', 'what waited is sent');
}

# PREPARE TRANSACTION: nothing leaves before COMMIT PREPARED, by whomever, and then at once.
{
    my ($simulator, $provider) = new_provider();
    query("BEGIN; SET LOCAL cmms.notify = off; INSERT INTO cmms.work_order (provider_id, title) VALUES ('$provider', 'Prepared'); PREPARE TRANSACTION 'two phases'");
    query("BEGIN; SET LOCAL cmms.notify = off; INSERT INTO cmms.work_order (provider_id, title) VALUES ('$provider', 'Given up'); PREPARE TRANSACTION 'one phase'");
    insert_orders($node, $db, $provider, 1, 'Meanwhile');
    ok($node->poll_query_until($db, "SELECT count(*) = 1 FROM cmms.work_order WHERE provider_id = '$provider' AND sync_state = 'synchronized'"),
        'what others commit is sent meanwhile');
    query("ROLLBACK PREPARED 'one phase'");
    is($simulator->summary->{creates}, 1, 'what is prepared is not');
    my $seconds = seconds_for(sub { query("COMMIT PREPARED 'two phases'"); synchronized($provider, 'COMMIT PREPARED sends it') });
    cmp_ok($seconds, '<', 5, 'at once');
    every_order_is_there_once($node, $db, $provider, $simulator, 2, 'prepared');
}

# A reload: the settings of the worker change, the requests under way go on.
{
    my ($simulator, $provider) = new_provider({ match => { method => 'POST' }, action => 'latency', latency_ms => 1000 });
    insert_orders($node, $db, $provider, 20, 'Before the reload');
    under_way($simulator);
    my $worker = worker_pid($node, $db);
    query("ALTER SYSTEM SET cmms.request_timeout = '700 ms'; ALTER SYSTEM SET cmms.sync_log_body_size = 0");
    $node->reload;
    insert_orders($node, $db, $provider, 1, 'Later');
    ok($node->poll_query_until($db, "SELECT count(*) > 0 FROM cmms.sync_history WHERE title = 'Later 1' AND error LIKE '%within 700 ms' AND request->>'body' IS NULL"),
        'a changed time-out and log size are used after a reload')
      || diag(query("SELECT title, direction, outcome, error, request FROM cmms.sync_history WHERE provider_id = '$provider'"));
    query('ALTER SYSTEM RESET cmms.request_timeout; ALTER SYSTEM RESET cmms.sync_log_body_size');
    $node->reload;
    synchronized($provider, 'all of it is sent');
    is(worker_pid($node, $db), $worker, 'by the same worker');
    every_order_is_there_once($node, $db, $provider, $simulator, 21, 'reload');
}

# Events that a DBA keeps out of the table are not what wakes the worker.
{
    my ($simulator, $provider) = new_provider();
    query(q{CREATE FUNCTION keep_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER keep_out BEFORE INSERT ON cmms.event FOR EACH ROW EXECUTE FUNCTION keep_out()});
    my $seconds = seconds_for(sub {
        insert_orders($node, $db, $provider, 1, 'Without an event');
        wait_until('the create', sub { $simulator->summary->{creates} == 1 });
    });
    cmp_ok($seconds, '<', 10, 'an order without an event leaves at once');
    query('DROP TRIGGER keep_out ON cmms.event; DROP FUNCTION keep_out()');
    synchronized($provider, 'and its result is recorded');
    every_order_is_there_once($node, $db, $provider, $simulator, 1, 'without an event');
}

# A schema that this library does not know, or cannot find: the worker waits, says so once, and goes on when that is over.
for my $case (
    [ "UPDATE pg_extension SET extversion = '99.0' WHERE extname = 'pg_cmms'", qr/version 99\.0 of its schema is not known to this library/, qr/HINT:  Run ALTER EXTENSION pg_cmms UPDATE/,
        "UPDATE pg_extension SET extversion = '1.0' WHERE extname = 'pg_cmms'; SELECT cmms.wake_worker()" ],
    [ "UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'pg_cmms'", qr/version 0\.9 of its schema is not known to this library/, qr/HINT:  Run ALTER EXTENSION pg_cmms UPDATE/,
        "UPDATE pg_extension SET extversion = '1.0' WHERE extname = 'pg_cmms'; SELECT cmms.wake_worker()" ],
    [ 'ALTER SCHEMA cmms RENAME TO elsewhere', qr/its schema cmms, or a table in it, is missing/, qr/HINT:  Give the schema its name back/, 'ALTER SCHEMA elsewhere RENAME TO cmms; SELECT cmms.wake_worker()' ])
{
    my ($break, $message, $hint, $mend) = @$case;
    my ($simulator, $provider) = new_provider(@slow);
    my $version = query("SELECT extversion FROM pg_extension WHERE extname = 'pg_cmms'");
    $mend =~ s/'1\.0'/'$version'/;
    insert_orders($node, $db, $provider, 100);
    wait_until('some creates', sub { $simulator->summary->{creates} >= 10 });
    my $position = -s $node->logfile;
    query($break);
    wait_until("the log to say: $message", sub { said($message, $position) });
    cmp_ok($simulator->summary->{creates}, '<', 100, 'broken: it stopped in the middle');
    my $worker = worker_pid($node, $db);
    like(query("SELECT query FROM pg_stat_activity WHERE pid = $worker"), qr/waiting for a schema/, 'broken: pg_stat_activity says what the worker waits for');
    query($mend);
    synchronized($provider, 'mended: it goes on');
    is(said($message, $position), 1, 'it was said once');
    is(said($hint, $position), 1, 'with a hint');
    cmp_ok(said('WARNING|ERROR|FATAL', $position), '<', 8, 'and not much else');
    every_order_is_there_once($node, $db, $provider, $simulator, 100, 'mended');
}

# The extension goes while requests hang, and comes back.
{
    my ($simulator, $provider) = new_provider(@hang);
    insert_orders($node, $db, $provider, 3, 'Hanging');
    under_way($simulator, 3);
    cmp_ok(seconds_for(sub { query('DROP EXTENSION pg_cmms CASCADE') }), '<', 2, 'DROP EXTENSION does not wait for a provider that hangs');
    query('CREATE EXTENSION pg_cmms');
    my ($sound, $healthy) = new_provider();
    insert_orders($node, $db, $healthy, 5, 'Again');
    synchronized($healthy, 'created again, it works');
    every_order_is_there_once($node, $db, $healthy, $sound, 5, 'again');
}
unlike(slurp_file($node->logfile), qr/PANIC|was terminated by signal|deadlock/, 'no process has crashed, and there was no deadlock');

done_testing();
