# Whatever keeps requests from leaving, cmms.sync_health says why and when the next may leave; and the limit of an account is shared.
use strict;
use warnings;

use POSIX qw(strftime);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider insert_orders is_idle wait_until worker_pid);

my $node = new_node('health', 'cmms.retry_base = 50ms', 'cmms.retry_cap = 30s');
my $db   = 'postgres';
sub query { return $node->safe_psql($db, $_[0]); }

# The provider waits for this reason, the words match, and the time of the next attempt lies so many seconds ahead (null: none).
sub waits
{
    my ($provider, $reason, $words, $from, $to) = @_;
    my $where = "FROM cmms.sync_health WHERE provider_id = '$provider'";
    ok($node->poll_query_until($db, "SELECT waiting_for IS NOT DISTINCT FROM " . (defined $reason ? "'$reason'" : 'NULL') . " $where"),
        "$provider: " . ($reason // 'nothing in the way'))
      or diag(query("SELECT waiting_for, waiting_reason, next_attempt_at, circuit, last_error $where"));
    my ($said, $seconds) = split /\|/, query("SELECT replace(coalesce(waiting_reason, ''), '|', ' '), extract(epoch FROM next_attempt_at - clock_timestamp()) $where"), 2;
    like($said, $words, "$provider: in words");
    if (defined $from) { ok($seconds ne '' && $seconds > $from && $seconds <= $to, "$provider: the next attempt is in $seconds s"); }
    else               { is($seconds, '', "$provider: nobody knows how long, or it may be now"); }
    return;
}

query('CREATE EXTENSION pg_cmms');
my $good = start_simulator();
connect_provider($node, $db, 'plant_a', $good);
ok(is_idle($node, $db), 'the first poll is done');
waits('plant_a', undef, qr/^$/);

# What people decide.
query(q{CREATE SERVER unused FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint', base_url 'http://127.0.0.1:9/api/v1', entity_id '1')});
waits('unused', 'inactive', qr/cmms\.activate\('unused'\)/);
query("SELECT cmms.pause_provider('plant_a', 'stocktaking')");
waits('plant_a', 'paused', qr/paused by .* \(stocktaking\): cmms\.resume_provider\('plant_a'\)/);
insert_orders($node, $db, 'plant_a', 1, 'Paused');
query("UPDATE cmms.provider SET mode = 'read', paused_at = NULL, paused_by = NULL, pause_reason = NULL");
waits('plant_a', 'mode', qr/mode read/);
query("UPDATE cmms.provider SET mode = 'write_back'; SELECT cmms.wake_worker()");
ok(is_idle($node, $db), 'resumed');
waits('plant_a', undef, qr/^$/);
query('UPDATE cmms.armed_database SET database_oid = 1');
waits('plant_a', 'not_armed', qr/cmms\.arm\(\)/);
query('SELECT cmms.arm()');
waits('plant_a', undef, qr/^$/);

# What is set up wrongly.
query('DROP USER MAPPING FOR PUBLIC SERVER plant_a');
query(q{SELECT cmms.poll_now('plant_a')});
waits('plant_a', 'circuit', qr/401 Unauthorized/, 0, 60);
query(q{CREATE USER MAPPING FOR PUBLIC SERVER plant_a OPTIONS (api_key_file '/nonexistent/key'); SELECT cmms.wake_worker()});
waits('plant_a', 'configuration', qr/cannot be used: the file of credential "api_key"/);
query(q{ALTER USER MAPPING FOR PUBLIC SERVER plant_a OPTIONS (DROP api_key_file, ADD api_key 'test-key'); SELECT cmms.wake_worker()});
waits('plant_a', undef, qr/^$/);

# One record that is tried again later is no reason for the others.
$good->fault({ match => { method => 'PUT' }, action => 'status', status => 500 }, { match => { method => 'PATCH' }, action => 'status', status => 500 });
query("ALTER SYSTEM SET cmms.retry_base = '20s'");
$node->reload;
query("UPDATE cmms.work_order SET title = 'Changed' WHERE title = 'Paused 1'");
waits('plant_a', 'backoff', qr/^1 records? wait/, 5, 20);
query("ALTER SYSTEM SET cmms.retry_base = '50ms'");
$node->reload;
$good->clear_faults;

# Nobody there: the circuit opens after a few failures, and one request tries now and then.
connect_provider($node, $db, 'nobody', undef, base_url => 'http://127.0.0.1:' . Cmms::free_port() . '/api/v1');
insert_orders($node, $db, 'nobody', 3, 'Nobody there');
ok($node->poll_query_until($db, q{SELECT consecutive_failures > 8 FROM cmms.sync_health WHERE provider_id = 'nobody'}), 'nobody: failures in a row');
waits('nobody', 'circuit', qr/failed \d+ times in a row, then one request tries: /, 0, 60);

# A trial that is under way.
my $back = start_simulator();
connect_provider($node, $db, 'back', $back);
ok($node->poll_query_until($db, q{SELECT last_complete_at IS NOT NULL FROM cmms.sync_health WHERE provider_id = 'back'}), 'back: polled');
insert_orders($node, $db, 'back', 5, 'Back soon');
ok($node->poll_query_until($db, q{SELECT bool_and(sync_state = 'synchronized') FROM cmms.work_order WHERE provider_id = 'back'}), 'back: created');
# An update, as a create without an answer is looked up, and each look-up that is answered says that the provider is well.
$back->fault({ match => { body => 'down' }, count => 5, action => 'status', status => 503 },
    { match => { body => 'down' }, count => 1, action => 'latency', latency_ms => 4000 });
query("UPDATE cmms.work_order SET description = 'down' WHERE provider_id = 'back'");
waits('back', 'trial', qr/tries whether the provider is back/);
waits('back', undef, qr/^$/);

# A few records whose every request fails say nothing of the others: these find the circuit closed.
my $alone = start_simulator();
connect_provider($node, $db, 'alone', $alone);
ok($node->poll_query_until($db, q{SELECT last_complete_at IS NOT NULL FROM cmms.sync_health WHERE provider_id = 'alone'}), 'alone: polled');
insert_orders($node, $db, 'alone', 3, 'Alone');
ok($node->poll_query_until($db, q{SELECT bool_and(sync_state = 'synchronized') FROM cmms.work_order WHERE provider_id = 'alone'}), 'alone: created');
$alone->fault({ match => { body => 'poison' }, action => 'status', status => 503 });
query("UPDATE cmms.work_order SET description = 'poison' WHERE provider_id = 'alone'");
ok($node->poll_query_until($db, q{SELECT min(attempts) > 7 FROM cmms.outbox WHERE provider_id = 'alone'}), 'alone: more attempts than open a circuit');
is(query(q{SELECT circuit, consecutive_failures FROM cmms.sync_health WHERE provider_id = 'alone'}), 'closed|3', 'alone: it stays closed');
insert_orders($node, $db, 'alone', 1, 'Company');
ok($node->poll_query_until($db, q{SELECT sync_state = 'synchronized' FROM cmms.work_order WHERE provider_id = 'alone' AND title LIKE 'Company%'}), 'alone: another order arrives');
is(query(q{SELECT count(*) FILTER (WHERE outcome = 'synchronized'), bool_and(http_status = 503) FILTER (WHERE outcome = 'retrying')
    FROM cmms.sync_log WHERE provider_id = 'alone' AND direction = 'push'}), '4|t', 'alone: and nothing else went wrong');
waits('alone', 'backoff', qr/^3 records wait/, 0, 30);

# Retry-After in seconds, as a date, absurdly far and in the past; with 429 and with 503.
my %asked = (
    seconds  => [ 429, '600', 560, 600 ],
    date     => [ 503, strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time + 900)), 840, 901 ],
    far      => [ 429, 'Fri, 31 Dec 9999 23:59:59 GMT', 3540, 3600 ],
    endless  => [ 503, '999999999999', 3540, 3600 ]);
for my $provider (sort keys %asked)
{
    my ($status, $header, $from, $to) = @{ $asked{$provider} };
    my $simulator = start_simulator();
    connect_provider($node, $db, $provider, $simulator);
    ok($node->poll_query_until($db, "SELECT last_complete_at IS NOT NULL FROM cmms.sync_health WHERE provider_id = '$provider'"), "$provider: polled");
    $simulator->fault({ match => { method => 'POST' }, action => 'status', status => $status, headers => { 'retry-after' => $header } });
    insert_orders($node, $db, $provider, 1, 'Later');
    waits($provider, 'retry_after', qr/asked for a pause: .*$status/, $from, $to);
}
my $past = start_simulator();
connect_provider($node, $db, 'past', $past);
$past->fault({ match => { method => 'POST' }, count => 1, action => 'status', status => 429, headers => { 'retry-after' => 'Sun, 06 Nov 1994 08:49:37 GMT' } });
insert_orders($node, $db, 'past', 1, 'Soon');
ok($node->poll_query_until($db, q{SELECT bool_and(sync_state = 'synchronized') FROM cmms.work_order WHERE provider_id = 'past'}), 'past: a date in the past is a moment');

# The provider's own limit, and over a restart: what was asked for stays in force.
my $limited = start_simulator(options => [ '--rate-limit', 5, '--rate-window', 600 ]);
connect_provider($node, $db, 'limited', $limited);
insert_orders($node, $db, 'limited', 20, 'Limited');
waits('limited', 'quota', qr/limit of 5 requests is used up/, 500, 601);
# An account is one, however many servers use it: the other one is told by this one's answers, and asks nothing.
connect_provider($node, $db, 'same_account', $limited);
insert_orders($node, $db, 'same_account', 3, 'Same account');
waits('same_account', 'quota', qr/is used up/, 500, 601);
is(scalar(grep { $_->{status} == 429 } $limited->ledger), 0, 'no request was refused');
my $asked = $limited->summary->{requests};
is($asked, 5, 'as many requests as the account may make');

$node->restart;
waits('limited', 'quota', qr/is used up/, 450, 601);
waits('seconds', 'retry_after', qr/asked for a pause/, 400, 600);
waits('far', 'retry_after', qr/asked for a pause/, 3400, 3600);
is($limited->summary->{requests}, $asked, 'no request more after a restart');

# A rate of one's own: two at once, then one each second.
my $gentle = start_simulator();
connect_provider($node, $db, 'gentle', $gentle, options => [ q(requests_per_minute '60'), q(burst '2') ]);
insert_orders($node, $db, 'gentle', 6, 'Gentle');
waits('gentle', 'configured_rate', qr/requests_per_minute/, -2, 2);
ok($node->poll_query_until($db, q{SELECT bool_and(sync_state = 'synchronized') FROM cmms.work_order WHERE provider_id = 'gentle'}), 'gentle: all arrive');
# The poll may be the last.
wait_until('seven requests', sub { $gentle->summary->{requests} >= 7 });
my @at = map { $_->{at} } $gentle->ledger;
cmp_ok(scalar @at, '>=', 7, 'gentle: a poll and six orders');
is(scalar(grep { $at[$_] - $at[$_ - 2] < 0.95 } 3 .. $#at), 0, 'gentle: never faster than it may');
waits('gentle', undef, qr/^$/);
my ($status, $output, $errors) = $node->psql($db, q{ALTER SERVER gentle OPTIONS (SET requests_per_minute '1.5')});
like($errors, qr/requests_per_minute/, 'a rate is a whole number');

# No worker.
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
waits('plant_a', 'no_worker', qr/shared_preload_libraries/);

done_testing();
