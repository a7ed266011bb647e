# A look-up in a list that has the newest first goes back to the attempt itself, however long after it the look-up comes.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator is_idle wait_until);

my $node = new_node('lookup', 'cmms.retry_base = 100ms');
my $db   = 'postgres';
my $simulator = start_simulator(provider => 'mobility_work', options => [ '--api-key', 'test-key' ]);

sub query { return $node->safe_psql($db, $_[0]); }

query('CREATE EXTENSION pg_cmms');
query("CREATE SERVER shop FOREIGN DATA WRAPPER cmms OPTIONS (type 'mobility_work', base_url '" . $simulator->url . "', page_size '50');"
      . "CREATE USER MAPPING FOR PUBLIC SERVER shop OPTIONS (api_key 'test-key');"
      . "SELECT cmms.activate('shop', mode => 'write_back', poll_interval => '1 day')");
ok(is_idle($node, $db), 'the first poll is done');

# The server stops at once while a create is under way, and comes back paused.
$simulator->fault({ match => { method => 'POST' }, action => 'hang', seconds => 60, count => 1 });
query("INSERT INTO cmms.work_order (provider_id, title, asset_ref, assignees)"
      . " VALUES ('shop', 'Replace the lamps', 'EQ-0001', '{john.doe\@example.com}')");
wait_until('the create', sub { $simulator->summary->{in_progress} > 0 });
query("SELECT cmms.pause_provider('shop')");
my $stopped_at = query('SELECT clock_timestamp()');
$node->stop('immediate');
$node->start;
ok($node->poll_query_until($db, "SELECT state = 'in_doubt' FROM cmms.outbox"), 'the create is in doubt');
is(query("SELECT attempted_at < '$stopped_at' AND in_doubt_since > '$stopped_at' FROM cmms.outbox"), 't',
    'the attempt was made before the stop');

# Three hours later the provider has it, behind more than a page of younger tasks that are older than the restart.
my $reference = query('SELECT common_work_order_id FROM cmms.work_order');
query("UPDATE cmms.outbox SET attempted_at = attempted_at - interval '3 hours'");
sub hours_ago { return query("SELECT to_char(now() AT TIME ZONE 'UTC' - interval '$_[0] hours', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"); }
my ($made) = $simulator->create(
    created_at => hours_ago(3),
    orders     => [ { description => 'Replace the lamps', metadata => { pg_cmms => $reference } } ]);
$simulator->create(created_at => hours_ago(2), count => 120);
$simulator->clear_faults;
my $creates = () = $simulator->ledger(method => 'POST', written => 'true');
query("SELECT cmms.resume_provider('shop')");
ok($node->poll_query_until($db, "SELECT sync_state = 'synchronized' FROM cmms.work_order WHERE title = 'Replace the lamps'"), 'it is found');
is(query("SELECT source_work_order_id FROM cmms.work_order WHERE common_work_order_id = '$reference'"), $made->{id}, 'under its id');
is(scalar(() = $simulator->ledger(method => 'POST', written => 'true')), $creates, 'and not made again');

# The provider says of no create what it is called. What a look-up reads tells of other orders too: not each of them takes one.
my $orders = 300;
$simulator->control('DELETE', 'ledger');
query("INSERT INTO cmms.work_order (provider_id, title, asset_ref, assignees)"
      . " SELECT 'shop', 'Order ' || n, 'EQ-0001', '{john.doe\@example.com}' FROM generate_series(1, $orders) n");
ok($node->poll_query_until($db, q(SELECT count(*) = 0 FROM cmms.outbox)), 'all are found');
is(query("SELECT count(DISTINCT source_work_order_id) FROM cmms.work_order WHERE title LIKE 'Order %' AND sync_state = 'synchronized'"), $orders,
    'each under an id of its own');
is(scalar(() = $simulator->ledger(method => 'POST', written => 'true')), $orders, 'each is made once');
my $searches = () = $simulator->ledger(method => 'GET');
note("$searches searches for $orders orders");
cmp_ok($searches, '<', $orders, 'in fewer searches than there are orders');

done_testing();
