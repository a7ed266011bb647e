# Many records leave in one request: changes of 10,000 spare parts, what an answer says of single ones, and a worker that dies.
use strict;
use warnings;

use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator is_idle is_up wait_until worker_pid);

my $node = new_node('bulk', 'cmms.retry_base = 100ms');
my $db   = 'postgres';
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');

# cwd is the directory of the logs; the descriptor lies beside the test.
my ($directory) = __FILE__ =~ m{^(.*)/t/[^/]+$};
my $descriptor = slurp_file("$directory/provider/parts.json");
$node->safe_psql($db, "INSERT INTO cmms.provider_type (provider_type, descriptor) VALUES ('parts', \$descriptor\$$descriptor\$descriptor\$)");

my $simulator = start_simulator(provider => 'mobility_work', options => [ '--api-key', 'test-key' ]);
$node->safe_psql($db, qq{
    CREATE SERVER stores FOREIGN DATA WRAPPER cmms OPTIONS (type 'parts', base_url '@{[ $simulator->api ]}');
    CREATE USER MAPPING FOR PUBLIC SERVER stores OPTIONS (api_key 'test-key');
    SELECT cmms.activate('stores', mode => 'write_back');});

sub query { return $node->safe_psql($db, $_[0]); }

# The bulk requests since the last call: "attributes 10000 202".
my $seen = 0;
sub requests
{
    my @entries = $simulator->ledger(method => 'POST');
    my @new = @entries[$seen .. $#entries];
    $seen = @entries;
    return map { my ($what) = $_->{path} =~ m{/partners/v1/(.*)$}; "$what $_->{status}" } @new;
}
sub part { my ($code) = @_; my ($found) = grep { $_->{externalReference} eq $code } @{ $simulator->control('GET', 'parts') }; return $found; }
sub states { return query("SELECT string_agg(n || ' ' || sync_state, ', ' ORDER BY sync_state) FROM (SELECT sync_state, count(*) AS n FROM cmms.part GROUP BY 1) s"); }

# 10,000 creates.
query(q{INSERT INTO cmms.part (provider_id, identifier, name, description, unit_price, currency, stock_quantity, stock_location)
        SELECT 'stores', 'P-' || n, 'Rotor ' || n, 'new', 19.99, 'EUR', n, 'A1' FROM generate_series(1, 10000) n});
ok(is_idle($node, $db), '10,000 new parts are sent');
is_deeply([requests()], ['spare-parts 202'], 'in one request');
is($simulator->summary->{parts}, 10000, 'and are there');
is(states(), '10000 accepted', 'a 202 is accepted, not done');
is(query("SELECT source_part_id FROM cmms.part WHERE identifier = 'P-77'"), 'P-77', 'each has the id that it was sent with');
is(query("SELECT request ->> 'items', response -> 'outcomes', outcome, operation FROM cmms.sync_log WHERE direction = 'push'"),
    '10000|{"accepted": 10000}|accepted|create', 'the log has one row for the request');

# 10,000 changes.
query("UPDATE cmms.part SET name = name || ' II', minimum_stock = 3");
ok(is_idle($node, $db), '10,000 changes are sent');
is_deeply([requests()], ['spare-parts/attributes 202'], 'in one request');
is(part('P-5000')->{name}, 'Rotor 5000 II', 'the name is there');
is(part('P-5000')->{description}, 'new', 'what did not change was left out');

# Stock has a request of its own; null clears; money comes in minor units.
query(q{UPDATE cmms.part SET stock_quantity = 7, unit_price = 5, minimum_stock = NULL, tags = '{heavy}', custom_fields = '{"class": "P"}'
        WHERE identifier IN ('P-1', 'P-2')});
ok(is_idle($node, $db), 'stock and attributes changed');
is_deeply([requests()], ['spare-parts/physical-recount/bulk 202', 'spare-parts/attributes 202'], 'are two requests');
my $part = part('P-1');
is_deeply([ @$part{qw(stock minimumStock unitPrice tags customFields)} ],
    [ 7, undef, { amount => 500, currency => 'EUR' }, ['heavy'], [ { field => 'class', value => 'P' } ] ], 'as they are meant');
query("UPDATE cmms.part SET stock_quantity = 8 WHERE identifier = 'P-1'; UPDATE cmms.part SET name = 'Stator' WHERE identifier = 'P-1'");
ok(is_idle($node, $db), 'one change after another of one part');
is_deeply([ @{ part('P-1') }{qw(stock name)} ], [ 8, 'Stator' ], 'arrive both');
requests();

# Equipment, named by number or by code.
query("INSERT INTO cmms.asset (provider_id, source_asset_id, name) VALUES ('stores', '7', 'Press'), ('stores', 'EQ-0008', 'Lathe')");
ok(is_idle($node, $db), 'equipment is updated');
is_deeply([requests()], ['equipment/attributes 202'], 'in one request');
is_deeply([ map { $_->{name} } grep { $_->{id} == 7 || $_->{id} == 8 } @{ $simulator->control('GET', 'equipment') } ], [ 'Press', 'Lathe' ], 'by both kinds of names');

# A refusal that names items: those are rejected, the others go out at once.
query(q{UPDATE cmms.part SET name = name || '.', gtin = NULL, minimum_stock = CASE identifier WHEN 'P-30' THEN -1 ELSE 4 END
        WHERE source_part_id IN (SELECT 'P-' || n FROM generate_series(11, 60) n)});
ok(is_idle($node, $db), 'a batch with a bad item');
is_deeply([requests()], [ 'spare-parts/attributes 400', 'spare-parts/attributes 202' ], 'is refused once and sent without it');
is(query("SELECT sync_state, last_error_class, last_error_detail ? 'minimumStock' FROM cmms.part WHERE identifier = 'P-30'"),
    'rejected|validation|t', 'the bad one keeps its own errors');
is(part('P-31')->{minimumStock}, 4, 'the others are there');
is(query("SELECT count(*), min(request ->> 'body') FROM cmms.sync_log WHERE outcome = 'rejected' AND record_id IS NOT NULL") =~ m{^1\|.*"minimumStock":-1}, 1,
    'the log shows the item that was refused');
is(query("SELECT reason, identifier FROM cmms.needs_attention"), 'rejected|P-30', 'a person is asked');
is(query("SELECT rejected FROM cmms.sync_health WHERE provider_id = 'stores'"), '1', 'it is counted');
query("UPDATE cmms.part SET minimum_stock = 1 WHERE identifier = 'P-30'");
ok(is_idle($node, $db), 'and corrected');
is(part('P-30')->{name}, 'Rotor 30 II.', 'all that waited is sent');
requests();

# A refusal that names none: halves show which item is meant.
$simulator->fault({ match => { method => 'POST', path => 'attributes$', body => 'poison' }, action => 'status', status => 422, body => '{"message": "no"}' });
query("UPDATE cmms.part SET description = CASE identifier WHEN 'P-900' THEN 'poison' ELSE 'fine' END WHERE source_part_id IN (SELECT 'P-' || n FROM generate_series(801, 1000) n)");
ok(is_idle($node, $db), 'a batch with a poison item');
cmp_ok(scalar requests(), '<=', 17, 'takes two requests for each halving');
is(query("SELECT string_agg(identifier, ' ') FROM cmms.part WHERE sync_state = 'rejected'"), 'P-900', 'only that one is rejected');
is(part('P-901')->{description}, 'fine', 'the others are there');
$simulator->clear_faults;
is(query("SELECT cmms.retry_record('part', part_id) FROM cmms.part WHERE identifier = 'P-900'"), 't', 'it can be sent again');
ok(is_idle($node, $db), 'once the provider takes it');
is(part('P-900')->{description}, 'poison', 'it is there');

# An outage.
$simulator->fault({ match => { method => 'POST' }, count => 2, action => 'status', status => 503 });
query("UPDATE cmms.part SET description = 'after the outage' WHERE source_part_id IN (SELECT 'P-' || n FROM generate_series(1, 500) n)");
ok(is_idle($node, $db), 'changes wait for the end of an outage');
is(part('P-500')->{description}, 'after the outage', 'and arrive');
is(query('SELECT count(*) FROM cmms.outbox'), '0', 'nothing is left');
requests();

# One change at a time: what comes while a request is under way leaves with the next.
$simulator->fault({ match => { method => 'POST' }, action => 'latency', latency_ms => 300 });
query("UPDATE cmms.part SET description = 'first' WHERE identifier = 'P-1'");
wait_until('the first request', sub { $simulator->summary->{in_progress} > 0 });
query(join ';', map { "UPDATE cmms.part SET description = 'burst' WHERE identifier = 'P-$_'" } 2 .. 20);
ok(is_idle($node, $db), 'a burst of twenty transactions');
cmp_ok(scalar requests(), '<=', 4, 'leaves in few requests');
$simulator->clear_faults;

# What the type does not take stays here, with the reason.
query("INSERT INTO cmms.asset (provider_id, name) VALUES ('stores', 'Saw')");
is(query("SELECT sync_state, last_error FROM cmms.asset WHERE name = 'Saw'"), 'rejected|provider "stores" has no create of asset', 'no create of equipment');
query("UPDATE cmms.part SET stock_location = 'B2' WHERE identifier = 'P-40'");
is(query("SELECT sync_state, last_error FROM cmms.part WHERE identifier = 'P-40'"), 'rejected|provider "stores" cannot be told of stock_location', 'no place of the stock');
query("SELECT cmms.activate('stores', mode => 'read')");
my ($status, $output, $errors) = $node->psql($db, "UPDATE cmms.part SET name = 'x' WHERE identifier = 'P-1'");
like($errors, qr/provider "stores" is read only/, 'nor anything in mode read');
query("SELECT cmms.activate('stores', mode => 'draft')");
query("UPDATE cmms.part SET description = 'drafted' WHERE identifier = 'P-50'");
is(query("SELECT sync_state FROM cmms.part WHERE identifier = 'P-50'"), 'awaiting_approval', 'mode draft: it waits');
is(query("SELECT cmms.approve_record('part', part_id) FROM cmms.part WHERE identifier = 'P-50'"), 't', 'until it is approved');
ok(is_idle($node, $db), 'then it leaves');
is(part('P-50')->{description}, 'drafted', 'and arrives');
query("SELECT cmms.activate('stores', mode => 'write_back')");

# kill -9 with a request under way: changes are repeated, creates wait for a person who looks there.
sub kill_worker
{
    wait_until('the request', sub { $simulator->summary->{in_progress} > 0 });
    my $pid = worker_pid($node, $db);
    kill 'KILL', $pid;
    wait_until('the server', sub { is_up($node) && !kill 0, $pid });
    $simulator->clear_faults;
}
$simulator->fault({ match => { method => 'POST' }, action => 'hang', write => JSON::PP::true });
query("UPDATE cmms.part SET description = 'survived'");
kill_worker();
ok($node->poll_query_until($db, 'SELECT count(*) = 0 FROM cmms.outbox'), 'the next worker sends the changes again');
is(scalar(grep { $_->{description} ne 'survived' } @{ $simulator->control('GET', 'parts') }), 0, 'none is lost');

$simulator->fault({ match => { method => 'POST' }, action => 'hang', write => JSON::PP::true });
query(q{INSERT INTO cmms.part (provider_id, identifier, name, unit_price, currency, stock_quantity, stock_location)
        SELECT 'stores', 'Q-' || n, 'Bolt', 1, 'EUR', 1, 'A1' FROM generate_series(1, 50) n});
kill_worker();
ok($node->poll_query_until($db, "SELECT count(*) = 50 FROM cmms.part WHERE sync_state = 'in_doubt' AND identifier LIKE 'Q-%'"), 'creates are in doubt');
ok($node->poll_query_until($db, "SELECT count(*) = 50 FROM cmms.needs_attention WHERE reason = 'in_doubt'"), 'and wait for a person');
is($simulator->summary->{parts}, 10050, 'nothing was sent again');
is_deeply($simulator->summary->{doubled_parts}, {}, 'nothing is doubled');
query("SELECT cmms.settle(outbox_id, 'exists', identifier) FROM cmms.needs_attention WHERE reason = 'in_doubt'");
is(query("SELECT count(*) FROM cmms.part WHERE sync_state = 'synchronized' AND source_part_id = identifier AND identifier LIKE 'Q-%'"), '50', 'who says what became of them');
is(query('SELECT count(*) FROM cmms.outbox'), '0', 'the outbox is empty');

done_testing();
