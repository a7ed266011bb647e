# Providers that must be asked for something before they take a request: an access token, a CSRF token with its cookies.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator insert_orders is_idle wait_until);

my $service = '/API_MAINTENANCEORDER';
my $token_path = '/sap/bc/sec/oauth2/token';
my $node = new_node('session', 'cmms.retry_base = 100ms');
my $db   = 'postgres';
my $simulator = start_simulator(provider => 'sap_pm', options => [ '--sap-client', '100' ]);

# No more of SAP than orders with a text.
my $descriptor = q({"type": "sap_session", "name": "SAP with sessions",
  "options": {"token_url": {}, "service_path": {"format": "path", "default": "/API_MAINTENANCEORDER"}},
  "credentials": {"username": {}, "password": {}, "client_id": {}, "client_secret": {}},
  "authentication": [
    {"style": "basic", "username": "{username}", "password": "{password}"},
    {"style": "oauth2_client_credentials", "token_url": "{token_url}", "client_id": "{client_id}", "client_secret": "{client_secret}"}],
  "session": {"style": "csrf", "method": "HEAD", "path": "{service_path}/"},
  "headers": {"Accept": "application/json", "sap-client": "100"},
  "errors": {"message": ["$.error.message.value"]},
  "probe": [{"permission": "read work orders", "method": "GET", "path": "{service_path}/MaintenanceOrder"}],
  "resources": {"work_order": {
    "create": {"method": "POST", "path": "{service_path}/MaintenanceOrder"},
    "update": {"method": "PATCH", "path": "{service_path}/MaintenanceOrder('{source_id}')"},
    "record": "$.d", "id": "$.MaintenanceOrder",
    "fields": {"outbound": [
      {"target": "MaintenanceOrderDesc", "source": "title"},
      {"target": "MaintenanceOrderType", "default": "PM01", "on": "create"},
      {"target": "MaintenancePlanningPlant", "default": "1010", "on": "create"}]}}}});

sub query { return $node->safe_psql($db, $_[0]); }

sub connect_sap
{
    my ($name, $credentials, @options) = @_;
    my $options = join ', ', "type 'sap_session'", "base_url '" . $simulator->api . "'", @options;
    query("CREATE SERVER $name FOREIGN DATA WRAPPER cmms OPTIONS ($options);"
          . "CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS ($credentials);"
          . "SELECT cmms.activate('$name', mode => 'write_back', poll_interval => '1 hour')");
    return;
}

sub fetches { return scalar grep { ($_->{headers}{'x-csrf-token'} // '') eq 'fetch' } $simulator->ledger(); }
sub token_requests { return scalar grep { $_->{path} eq $token_path } $simulator->ledger(); }
sub refusals { my ($status) = @_; return scalar grep { $_->{status} == $status } $simulator->ledger(); }
sub orders_there { return $simulator->summary->{orders}; }

sub states
{
    my ($provider) = @_;
    return query("SELECT string_agg(sync_state || ' ' || count, ', ' ORDER BY sync_state)"
          . " FROM (SELECT sync_state, count(*) FROM cmms.work_order WHERE provider_id = '$provider' GROUP BY 1) s");
}

sub last_failure { my ($provider) = @_; return query("SELECT last_error_class || ': ' || last_error FROM cmms.sync_health WHERE provider_id = '$provider'"); }

query('CREATE EXTENSION pg_cmms');
query("INSERT INTO cmms.provider_type (provider_type, descriptor) VALUES ('sap_session', \$json\$$descriptor\$json\$)");

# A CSRF token, fetched once for all orders that want to leave at the same moment.
connect_sap('plant_a', "username 'CMMS_TEST', password 'test-password'");
insert_orders($node, $db, 'plant_a', 40);
ok(is_idle($node, $db), 'forty orders have left');
is(states('plant_a'), 'synchronized 40', 'all are there');
is(orders_there(), 40, 'each once');
is(fetches(), 1, 'one token was fetched');
is(refusals(403), 0, 'and it was good for all of them');

# The provider forgets its sessions: refused, and sent again with a new token.
$simulator->control('POST', 'sessions/expire', {});
query("UPDATE cmms.work_order SET title = 'Changed'");
ok(is_idle($node, $db), 'forty updates after the session has ended');
is(states('plant_a'), 'synchronized 40', 'all are there');
cmp_ok(refusals(403), '>', 0, 'some were refused first');
is(query("SELECT count(*) FROM cmms.sync_history WHERE outcome <> 'synchronized'"), '0', 'which no record has noticed');
is(scalar(grep { $_->{MaintenanceOrderDesc} ne 'Changed' } @{ $simulator->control('GET', 'orders') }), 0, 'the updates are there');

# Creates too: a refused one was certainly not carried out.
$simulator->control('POST', 'sessions/expire', {});
insert_orders($node, $db, 'plant_a', 20, 'More');
ok(is_idle($node, $db), 'twenty more orders after the session has ended');
is(orders_there(), 60, 'each is there once');

# A provider that refuses every token pauses; nothing is in doubt.
$simulator->fault({ match => { method => 'POST', path => 'MaintenanceOrder$' }, action => 'status', status => 403,
        headers => { 'x-csrf-token' => 'Required' }, body => 'CSRF token validation failed' });
insert_orders($node, $db, 'plant_a', 5, 'Refused');
wait_until('the pause', sub { query("SELECT circuit FROM cmms.sync_health WHERE provider_id = 'plant_a'") eq 'open' });
like(last_failure('plant_a'), qr/^authorization: provider answered 403/, 'a second refusal is said as it is');
is(query("SELECT count(*) FROM cmms.outbox WHERE state = 'in_doubt'"), '0', 'no order is in doubt');
$simulator->clear_faults;
query("SELECT cmms.activate('plant_a')");
wait_until('the orders', sub { states('plant_a') eq 'synchronized 65' });
is(orders_there(), 65, 'each is there once');

# Access tokens: one for all, again when it is refused.
$simulator->control('DELETE', 'ledger');
connect_sap('plant_b', "client_id 'cmms-client', client_secret 'test-secret'", "token_url '" . $simulator->url . "$token_path'");
is(query("SELECT reachable, authenticated, permissions FROM cmms.test_connection('plant_b')"), 't|t|{"read work orders"}', 'the token opens the API');
is(token_requests(), 1, 'the session asked for a token of its own');
insert_orders($node, $db, 'plant_b', 40);
ok(is_idle($node, $db), 'forty orders have left');
is(states('plant_b'), 'synchronized 40', 'all are there');
is(token_requests(), 2, 'with one token of the worker');
is(fetches(), 1, 'and one CSRF token');
$simulator->control('POST', 'tokens/expire', {});
query("UPDATE cmms.work_order SET title = 'Changed again' WHERE provider_id = 'plant_b'");
ok(is_idle($node, $db), 'forty updates after the token has ended');
is(states('plant_b'), 'synchronized 40', 'all are there');
is(token_requests(), 3, 'with one more token');
cmp_ok(refusals(401), '>', 0, 'in place of a refused one');

# Short lives: a token is replaced before it ends.
$simulator->control('POST', 'settings', { token_seconds => 1 });
$simulator->control('POST', 'tokens/expire', {});
for my $round (1 .. 3)
{
    query("UPDATE cmms.work_order SET title = 'Round $round' WHERE provider_id = 'plant_b'");
    ok(is_idle($node, $db), "round $round with tokens of a second");
    is(states('plant_b'), 'synchronized 40', 'all are there');
}
$simulator->control('POST', 'settings', { token_seconds => 3600 });

# The token endpoint is down: its Retry-After is kept, and nothing is in doubt.
$simulator->control('POST', 'tokens/expire', {});
$simulator->fault({ match => { path => "$token_path\$" }, count => 1, action => 'status', status => 503, headers => { 'Retry-After' => '1' } });
insert_orders($node, $db, 'plant_b', 10, 'Later');
wait_until('the orders', sub { states('plant_b') eq 'synchronized 50' });
is(query("SELECT count(*) FROM cmms.sync_history WHERE outcome = 'in_doubt'"), '0', 'no create was in doubt');
like(query("SELECT string_agg(DISTINCT error_class || ': ' || error, '; ') FROM cmms.sync_history WHERE provider_id = 'plant_b' AND error IS NOT NULL"),
    qr/^provider_unavailable: no access token: provider answered 503 Service Unavailable$/, 'the log says what was not to be had');

# A wrong secret is an error that names the cure.
query("ALTER USER MAPPING FOR PUBLIC SERVER plant_b OPTIONS (SET client_secret 'wrong-secret')");
insert_orders($node, $db, 'plant_b', 3, 'Unknown client');
wait_until('the pause', sub { query("SELECT circuit FROM cmms.sync_health WHERE provider_id = 'plant_b'") eq 'open' });
is(last_failure('plant_b'), 'authentication: no access token: the token endpoint answered 401: invalid_client: client authentication failed',
    'the token endpoint\'s own words');
is(query("SELECT reachable, authenticated FROM cmms.test_connection('plant_b')"), 't|f', 'the test of the connection says so too');
is(query("SELECT count(*) FROM cmms.outbox WHERE state = 'in_doubt'"), '0', 'no order is in doubt');
my $there = orders_there();
query("ALTER USER MAPPING FOR PUBLIC SERVER plant_b OPTIONS (SET client_secret 'test-secret')");
wait_until('the orders', sub { states('plant_b') eq 'synchronized 53' });
is(orders_there(), $there + 3, 'each is there once');

# Secrets: in no table that shows what was sent, and not in the server's log.
my @csrf_tokens = grep { defined && $_ ne 'fetch' } map { $_->{headers}{'x-csrf-token'} } $simulator->ledger();
my @secrets = ('test-password', 'test-secret', 'wrong-secret', 'Q01NU19URVNUOnRlc3QtcGFzc3dvcmQ=', 'Y21tcy1jbGllbnQ6dGVzdC1zZWNyZXQ=', 'access_token', 'SAP_SESSIONID',
    @csrf_tokens[0 .. 0]);
my $shown = query("SELECT string_agg(s::text, ' ') FROM cmms.sync_log s") . query("SELECT string_agg(e::text, ' ') FROM cmms.event e")
  . query("SELECT string_agg(p::text, ' ') FROM cmms.preview_request((SELECT common_work_order_id FROM cmms.work_order LIMIT 1)) p")
  . slurp_file($node->logfile);
$shown =~ s/(CREATE|ALTER) USER MAPPING[^\n]*//g;    # what the test itself wrote, where statements are logged
for my $secret (@secrets)
{
    is(index($shown, $secret), -1, 'a secret is shown nowhere: ' . substr($secret, 0, 6));
}

done_testing();
