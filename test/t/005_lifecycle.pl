# Databases come and go, the server restarts, and the key is seen nowhere.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider worker_pid insert_orders is_idle wait_until free_port);

my $secret    = 'cm-live-7f3b9e-very-secret';
my $simulator = start_simulator(options => [ '--api-key', $secret ]);
my $node      = new_node('lifecycle', 'log_min_messages = debug1', 'log_statement = all', 'log_error_verbosity = verbose');
my $db        = 'postgres';
my $key_file  = PostgreSQL::Test::Utils::tempdir() . '/plant.key';
append_to_file($key_file, "$secret\n");
chmod 0600, $key_file;
my %connection = (credential => "api_key_file '$key_file'");

# A transaction that does not commit leaves no worker behind.
$node->safe_psql($db, 'BEGIN; CREATE EXTENSION pg_cmms; ROLLBACK');
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');
connect_provider($node, $db, 'plant_a', $simulator, %connection);
insert_orders($node, $db, 'plant_a', 3);
ok(is_idle($node, $db), 'the first database is served');

# A second database gets a worker by itself.
$node->safe_psql($db, 'CREATE DATABASE second');
$node->safe_psql('second', 'CREATE EXTENSION pg_cmms');
connect_provider($node, 'second', 'plant_s', $simulator, %connection, import_since => '2100-01-01');
insert_orders($node, 'second', 'plant_s', 4, 'Second');
ok(is_idle($node, 'second'), 'the second database is served');
is($node->safe_psql('second', q{SELECT count(*) FROM cmms.work_order WHERE sync_state = 'synchronized'}), '4', 'its orders are there');
isnt(worker_pid($node, 'second'), worker_pid($node, $db), 'by a worker of its own');

# A database cloned from one that has the extension.
$node->safe_psql($db, 'CREATE DATABASE plain');
is($node->safe_psql($db, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_cmms worker' AND datname = 'plain'}),
    '0', 'a database without the extension has no worker');

# Nothing is sent before a provider is activated, or after it is deactivated; it waits.
my $creates = $simulator->summary->{creates};
$node->safe_psql(
    $db,
    q{CREATE SERVER dormant FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint', base_url '} . $simulator->api . q{', entity_id '12');
      INSERT INTO cmms.work_order (provider_id, title) VALUES ('dormant', 'Too early');
      SELECT cmms.deactivate('plant_a')});
insert_orders($node, $db, 'plant_a', 1, 'While switched off');
is($node->safe_psql($db, q{SELECT string_agg(provider_id || ' ' || state, ', ' ORDER BY provider_id) FROM cmms.outbox}),
    'dormant pending, plant_a pending', 'changes of inactive providers wait');

# A restart: the work that waits is not forgotten.
$node->restart;
worker_pid($node, $db);
is($simulator->summary->{creates}, $creates, 'and are not sent after a restart either');
$simulator->fault({ match => { method => 'POST' }, action => 'status', status => 503, headers => { 'Retry-After' => '1' } });
$node->safe_psql($db, q{SELECT cmms.activate('plant_a', poll_interval => '1 hour')});
insert_orders($node, $db, 'plant_a', 1, 'Across a restart');
wait_until('a refused push', sub { grep { ($_->{status} // 0) == 503 } $simulator->ledger(method => 'POST') });
$node->restart;
$simulator->clear_faults;
ok($node->poll_query_until($db, q{SELECT count(*) = 5 FROM cmms.work_order WHERE provider_id = 'plant_a' AND sync_state = 'synchronized'}),
    'what was waiting at the restart is pushed after it');
is($simulator->summary->{creates}, $creates + 2, 'once');

# Dropping a database with a worker in it.
$node->safe_psql($db, q{DELETE FROM cmms.work_order WHERE provider_id = 'dormant'});
$node->safe_psql($db, 'DROP DATABASE second WITH (FORCE)');
insert_orders($node, $db, 'plant_a', 1, 'After the drop');
ok(is_idle($node, $db), 'the other database is still served');
is($node->safe_psql($db, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_cmms worker'}), '1', 'by the only worker left');

# A provider that quotes the key in its error.
$simulator->fault(
    {
        match  => { method => 'POST' },
        action => 'status',
        status => 422,
        count  => 1,
        body   => { status => 'error', message => "Bearer $secret may not do this", errors => { title => ["$secret is bad"] } }
    });
insert_orders($node, $db, 'plant_a', 1, 'Quoted key');
ok($node->poll_query_until($db, q{SELECT count(*) = 1 FROM cmms.work_order WHERE sync_state = 'rejected'}), 'the quoting answer was taken');
$node->safe_psql($db, q{SELECT cmms.ingest_webhook('plant_a', '\x7b7d', jsonb_build_object('authorization', 'Bearer ' || pg_read_file('} . $key_file . q{')))});

my @places = qw(work_order outbox sync_log event audit_log webhook_event provider provider_state provider_value poll_cursor sync_health sync_history);
for my $place (@places)
{
    is($node->safe_psql($db, "SELECT count(*) FROM cmms.$place t WHERE t::text LIKE '%$secret%'"), '0', "the key is not in $place");
}
is($node->safe_psql($db, qq{SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%' || 'cm-live' || '%'}),
    '0', 'nor in pg_stat_activity');
is($node->safe_psql($db, q{SELECT count(*) FROM pg_user_mappings WHERE umoptions::text LIKE '%' || 'cm-live' || '%'}),
    '0', 'nor in the catalog, when it is given by file');

# The test's own queries above are in the log, so the lines they left are not counted.
my @lines = grep { /\Q$secret\E/ && !/(?:statement|STATEMENT):/ } split /\n/, slurp_file($node->logfile);
is_deeply(\@lines, [], 'nor in the server log');
my ($dump) = run_command([ 'pg_dump', '--dbname', $node->connstr($db) ]);
unlike($dump, qr/\Q$secret\E/, 'nor in a dump');

done_testing();
