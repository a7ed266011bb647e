# Providers that misbehave: each case ends with a clear error or a healed record, the server alive, nothing lost, nothing doubled.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use Cmms qw(new_node start_simulator connect_provider worker_pid insert_orders wait_until every_order_is_there_once);

my $node = new_node('bad_provider', 'cmms.request_timeout = 3s');
my $db   = 'postgres';
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');
my $number = 0;
my $worker;

# A provider of its own for each case, so that one case's back-off does not slow the next one. The simulator does its work at once,
# so a look-up is believed after a second.
sub new_provider
{
    my ($simulator, %wanted) = @_;
    my $provider = 'case_' . ++$number;
    my @options = (q(lookup_grace '1'), @{ delete $wanted{options} // [] });
    connect_provider($node, $db, $provider, $simulator, import_since => '2100-01-01', %wanted, options => \@options);
    $worker //= worker_pid($node, $db);
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

my %create = (match => { method => 'POST' });

# One create that goes wrong once and heals by itself, with one order at the provider in the end.
sub heals
{
    my ($what, %fault) = @_;
    my $simulator = start_simulator();
    my $provider  = new_provider($simulator);
    $simulator->fault({ %create, count => 1, %fault });
    insert_orders($node, $db, $provider, 1, $what);
    becomes($provider, q{sync_state = 'synchronized'}, "$what: synchronized in the end");
    every_order_is_there_once($node, $db, $provider, $simulator, 1, $what);
    return $simulator;
}

sub worker_megabytes
{
    my ($kilobytes) = slurp_file("/proc/$worker/status") =~ /VmHWM:\s+(\d+) kB/;
    return $kilobytes / 1024;
}

# Answers too large, cut off, empty, wrong.
heals('answer of 1 GB', action => 'huge', bytes => 1_000_000_000);
cmp_ok(worker_megabytes(), '<', 250, 'the worker did not keep the gigabyte');
heals('truncated answer', action => 'truncate', bytes => 30);
heals('answer without the id', action => 'drop_fields', fields => ['data.id']);
heals('answer that is not JSON', action => 'replace_body', status => 201, body => '<html>created</html>');
heals('answer that is not UTF-8', action => 'replace_body', status => 201, body => '/w==', base64 => 1);
heals('connection reset after the work', action => 'reset_after');
heals('connection reset before the work', action => 'reset_before');
heals('500 before the work', action => 'status', status => 500);
heals('503 before the work', action => 'status', status => 503, headers => { 'Retry-After' => '1' });
heals('time-out after the work', action => 'hang', write => 1);

# 429: the whole provider pauses for as long as it asked.
{
    my $simulator = start_simulator();
    my $provider  = new_provider($simulator);
    $simulator->fault({ %create, count => 1, action => 'status', status => 429, headers => { 'retry-after' => '2' } });
    insert_orders($node, $db, $provider, 1, 'Too many');
    wait_until('the refusal', sub { grep { ($_->{status} // 0) == 429 } $simulator->ledger(method => 'POST') });
    insert_orders($node, $db, $provider, 3, 'Behind it');
    becomes($provider, q{sync_state = 'synchronized'}, '429: synchronized in the end');
    my ($refused, @later) = sort { $a->{at} <=> $b->{at} } $simulator->ledger(method => 'POST');
    cmp_ok($later[0]{at} - $refused->{at}, '>=', 2, '429: nothing was sent before retry-after had passed');
    every_order_is_there_once($node, $db, $provider, $simulator, 4, '429');
}

# The account's own limit, announced in headers: nobody is refused more than a few times.
{
    my $simulator = start_simulator(options => [ '--rate-limit', '40', '--rate-window', '3' ]);
    my $provider  = new_provider($simulator);
    insert_orders($node, $db, $provider, 100, 'Limited');
    becomes($provider, q{sync_state = 'synchronized'}, 'rate limit: all orders arrive');
    every_order_is_there_once($node, $db, $provider, $simulator, 100, 'rate limit');
    cmp_ok($simulator->summary->{rate_limited}, '<', 40, 'rate limit: the headers were heeded');
}

# A redirect is not followed, least of all with the key, to another host.
{
    my $elsewhere = start_simulator();
    my $simulator = start_simulator();
    my $provider  = new_provider($simulator);
    my $target    = 'http://localhost:' . $elsewhere->port . '/api/v1/work_orders';
    $simulator->fault({ %create, action => 'redirect', location => $target, status => 307 });
    insert_orders($node, $db, $provider, 1, 'Redirected');
    becomes($provider, q{last_error LIKE '%redirect%' AND last_error LIKE '%localhost%'}, 'redirect: the error names the other host');
    is($elsewhere->summary->{requests}, 0, 'redirect: the other host was not asked');
    isnt(query("SELECT last_error_class FROM cmms.work_order WHERE provider_id = '$provider'"), '', 'redirect: the error has a class');
    $simulator->clear_faults;
    query("SELECT cmms.retry(common_work_order_id) FROM cmms.work_order WHERE provider_id = '$provider'");
    becomes($provider, q{sync_state = 'synchronized'}, 'redirect: the order goes on when that is corrected');
}

# Field errors stay readable, and hold back only their own record.
{
    my $simulator = start_simulator();
    my $provider  = new_provider($simulator);
    query(qq{INSERT INTO cmms.work_order (provider_id, title, asset_ref) VALUES ('$provider', 'Bad', '999999'), ('$provider', 'Good', '45')});
    ok($node->poll_query_until($db, "SELECT sync_state = 'rejected' FROM cmms.work_order WHERE provider_id = '$provider' AND title = 'Bad'"),
        '422: rejected');
    is( query("SELECT last_error_class, last_error_detail::text LIKE '%asset_id%must exist%' FROM cmms.work_order WHERE provider_id = '$provider' AND title = 'Bad'"),
        'validation|t', '422: class and field errors are in the row');
    ok($node->poll_query_until($db, "SELECT sync_state = 'synchronized' FROM cmms.work_order WHERE provider_id = '$provider' AND title = 'Good'"),
        '422: the other order is not held back');
    is(query("SELECT count(*) > 0 FROM cmms.event WHERE event_type = 'sync.failed' AND provider_id = '$provider'"), 't', '422: an event tells');
    query("UPDATE cmms.work_order SET asset_ref = '46' WHERE provider_id = '$provider' AND title = 'Bad'");
    becomes($provider, q{sync_state = 'synchronized' AND last_error IS NULL}, '422: the corrected order is pushed');
    every_order_is_there_once($node, $db, $provider, $simulator, 2, '422');
}

# What lacks a required field is held before it is sent, where it can be seen, and does not hold back the others.
{
    my $simulator = start_simulator();
    my $provider  = new_provider($simulator);
    query("INSERT INTO cmms.field_map (provider_id, direction, target, source, transform, required)"
          . " VALUES ('$provider', 'outbound', 'asset_id', 'asset_ref', 'integer', true)");
    query(qq{INSERT INTO cmms.work_order (provider_id, title, asset_ref) VALUES ('$provider', 'No asset', NULL), ('$provider', NULL, '45'), ('$provider', 'Complete', '45')});
    ok($node->poll_query_until($db, "SELECT count(*) = 1 FROM cmms.work_order WHERE provider_id = '$provider' AND sync_state = 'synchronized'"),
        'missing field: the complete order is sent');
    ok($node->poll_query_until($db, "SELECT count(*) = 2 FROM cmms.work_order WHERE provider_id = '$provider' AND sync_state = 'held'"),
        'missing field: the others are held');
    is($simulator->summary->{creates}, 1, 'missing field: and not sent');
    is( query("SELECT string_agg(problems #>> '{0,kind}' || ' ' || (problems #>> '{0,target}'), ', ' ORDER BY problems #>> '{0,target}')"
              . " FROM cmms.held_record WHERE provider_id = '$provider' AND direction = 'outbound'"),
        'missing_required asset_id, missing_required title', 'missing field: held with the field that is missing');
    is(query("SELECT held FROM cmms.sync_health WHERE provider_id = '$provider'"), '2', 'missing field: the health view counts them');
    query("UPDATE cmms.work_order SET title = 'Now complete', asset_ref = '45' WHERE provider_id = '$provider' AND sync_state = 'held'");
    becomes($provider, q{sync_state = 'synchronized' AND last_error IS NULL}, 'missing field: sent once it is there');
    is(query("SELECT count(*) FROM cmms.held_record WHERE provider_id = '$provider'"), '0', 'missing field: and held no longer');
    every_order_is_there_once($node, $db, $provider, $simulator, 3, 'missing field');
}

# A wrong key is not the order's fault: it waits and goes on with the right one.
{
    my $simulator = start_simulator(options => [ '--api-key', 'the-new-key' ]);
    my $provider  = new_provider($simulator);
    insert_orders($node, $db, $provider, 2, 'Wrong key');
    ok($node->poll_query_until($db, "SELECT last_error_class = 'authentication' FROM cmms.provider_state WHERE provider_id = '$provider'"),
        '401: the provider\'s state says so');
    is(query("SELECT count(*) FROM cmms.work_order WHERE provider_id = '$provider' AND sync_state = 'rejected'"), '0', '401: no order is rejected');
    like(query("SELECT row_to_json(t) FROM cmms.test_connection('$provider') t"), qr/Invalid API key/, '401: test_connection shows the provider\'s words');
    query("ALTER USER MAPPING FOR PUBLIC SERVER $provider OPTIONS (SET api_key 'the-new-key')");
    query("SELECT cmms.retry(common_work_order_id) FROM cmms.work_order WHERE provider_id = '$provider'");
    becomes($provider, q{sync_state = 'synchronized'}, '401: the orders go on with the new key');
    every_order_is_there_once($node, $db, $provider, $simulator, 2, '401');
}

# A certificate that is not the host's, or nobody's: nothing is sent.
{
    my $directory = PostgreSQL::Test::Utils::tempdir();
    run_log([ 'openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=cmms.example.com',
              '-keyout', "$directory/key.pem", '-out', "$directory/cert.pem" ]) or die 'openssl failed';
    my $simulator = start_simulator(scheme => 'https', options => [ '--tls-cert', "$directory/cert.pem", '--tls-key', "$directory/key.pem" ]);
    my $provider  = new_provider($simulator);
    insert_orders($node, $db, $provider, 1, 'Not over this');
    becomes($provider, q{last_error ~* 'certificate|SSL|TLS' AND last_error_class IS NOT NULL}, 'certificate: the error says what is wrong');
    is(query("SELECT count(*) FROM cmms.work_order WHERE provider_id = '$provider' AND sync_state IN ('in_doubt', 'rejected')"),
        '0', 'certificate: the order simply waits, for nothing was sent');
}

# Nobody there.
{
    my $provider = new_provider(undef, base_url => 'http://127.0.0.1:' . Cmms::free_port() . '/api/v1');
    insert_orders($node, $db, $provider, 1, 'Nobody there');
    becomes($provider, q{last_error_class = 'provider_unavailable' AND sync_state = 'retrying'}, 'refused connection: it is tried again later');
}

# Bad pages: the cursor does not move over what was not read. Each case has new orders on more than one page.
{
    my $simulator = start_simulator();
    my $provider  = new_provider($simulator, import_since => '2020-01-01');
    ok($node->poll_query_until($db, "SELECT last_complete_at IS NOT NULL FROM cmms.poll_cursor WHERE provider_id = '$provider'"), 'the first poll is done');
    my %second_page = (match => { method => 'GET', path => 'work_orders$', query => 'updated_at_gteq' }, nth => 2);
    my @cases = (
        { action => 'huge', bytes => 100_000_000, name => 'huge page' },
        { action => 'truncate', bytes => 300, name => 'truncated page' },
        { action => 'replace_body', body => '[' x 10_000 . ']' x 10_000, name => 'page 10,000 levels deep' },
        { action => 'replace_body', body => '{"status":"success","data":null}', name => 'page without data' },
        { action => 'replace_body', body => "{\"data\":[\0]}", name => 'page with a NUL' },
        { action => 'status', status => 500, name => 'failed page' },
        { action => 'status', status => 429, headers => { 'retry-after' => '1' }, name => 'refused page' });
    for my $place (1 .. @cases)
    {
        my $case = $cases[ $place - 1 ];
        $simulator->create(orders => [ { title => $case->{name} } ], count => 120, updated_at => "2027-0$place-01T00:00:00Z", step_seconds => 1);
        $simulator->clear_faults;
        $simulator->fault({ %second_page, %$case });
        query("SELECT cmms.poll_now('$provider')");
        wait_until("the $case->{name}", sub { $simulator->summary->{faults}{ $case->{name} } > 0 });
        ok($node->poll_query_until($db, "SELECT coalesce(last_error, '') <> '' FROM cmms.poll_cursor WHERE provider_id = '$provider'"),
            "$case->{name}: the error is recorded");
        query("SELECT cmms.poll_now('$provider')");
        ok($node->poll_query_until($db, "SELECT count(*) = 120 FROM cmms.work_order WHERE provider_id = '$provider' AND title = '$case->{name}'"),
            "$case->{name}: nothing was skipped");
    }
}

# Records that the table does not take are held with their reason; the others of their page go on, and so does the cursor.
{
    my $simulator = start_simulator();
    my $provider  = new_provider($simulator, import_since => '2020-01-01');
    ok($node->poll_query_until($db, "SELECT last_complete_at IS NOT NULL FROM cmms.poll_cursor WHERE provider_id = '$provider'"), 'bad records: the first poll is done');
    my @members = (
        '"total_costs": 1e400',
        '"total_costs": ' . '9' x 400,
        '"title": "' . 'x' x 1001 . '"',
        '"status": {"id": 99, "name": "Parked"}',
        '"updated_at": "0001-01-01T00:00:00Z"',
        '"due_date": "0001-01-01"');
    my $number_there = 9000;
    my @records = map { ++$number_there; qq({"id": $number_there, "title": "Odd", "status": {"id": 3, "name": "Open"}, "priority": "low",)
        . qq( "updated_at": "2027-01-01T00:00:00Z", $_}) } @members;
    $simulator->fault({ match => { method => 'GET', path => 'work_orders$' }, count => 1, action => 'replace_body',
        body => '{"status": "success", "data": [' . join(', ', @records) . '], "meta": {"pagination": {"total_pages": 1}}}' });
    query("SELECT cmms.poll_now('$provider')");
    ok($node->poll_query_until($db, "SELECT count(*) = 6 FROM (SELECT source_work_order_id FROM cmms.work_order WHERE provider_id = '$provider'"
          . " UNION SELECT source_record_id FROM cmms.held_record WHERE provider_id = '$provider') r"), 'bad records: each is an order or held');
    is(query("SELECT string_agg(source_record_id, ' ' ORDER BY source_record_id) FROM cmms.held_record WHERE provider_id = '$provider' AND reason <> ''"),
        '9001 9002 9003 9004', 'bad records: what no column or map takes is held with its reason');
    is(query("SELECT string_agg(source_work_order_id || coalesce(sla_due_at::text, ''), ' ' ORDER BY source_work_order_id) FROM cmms.work_order WHERE provider_id = '$provider'"),
        '9005 9006', 'bad records: the year 1 is no date, and the others of the page are there');
}

# A server that gives fewer records per page than it was asked for, without a word.
{
    my $simulator = start_simulator();
    $simulator->create(orders => [ { title => 'Clamped' } ], count => 230);
    my $provider = new_provider($simulator, import_since => '2020-01-01', options => [q(page_size '500')]);
    ok($node->poll_query_until($db, "SELECT count(*) = 230 FROM cmms.work_order WHERE provider_id = '$provider'"),
        'clamped pages: all orders are imported');
}

is(worker_pid($node, $db), $worker, 'the worker has lived through all of it');
unlike(slurp_file($node->logfile), qr/PANIC|was terminated by signal/, 'and no process has crashed');

done_testing();
