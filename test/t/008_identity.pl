# Assets in the provider's words outside and in ours here, through a worker that sends and polls.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider is_idle);

my $node = new_node('identity');
my $db   = 'postgres';
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');
my $simulator = start_simulator();
connect_provider($node, $db, 'plant', $simulator);

sub query { return $node->safe_psql($db, $_[0]); }

query(q{SELECT cmms.merge_identity('asset', '45', 'PUMP-001', provider_id => 'plant')});
query(q{INSERT INTO cmms.work_order (provider_id, title, asset_ref) VALUES ('plant', 'Seal leaks', 'PUMP-001')});
ok(is_idle($node, $db), 'the order is sent');
my $id = query(q{SELECT source_work_order_id FROM cmms.work_order WHERE sync_state = 'synchronized'});
is($simulator->order($id)->{asset}{id}, 45, 'with the asset as the provider calls it');
is(query('SELECT asset_ref FROM cmms.work_order'), 'PUMP-001', 'here it has our name');

# Read back: the same asset, and a new one that no alias knows.
$simulator->change(ids => [$id], set => { description => 'from there' });
query(q{SELECT cmms.poll_now('plant')});
ok($node->poll_query_until($db, q{SELECT description = 'from there' FROM cmms.work_order}), 'news of the order arrive');
is(query('SELECT asset_ref FROM cmms.work_order'), 'PUMP-001', 'its asset keeps our name');
$simulator->change(ids => [$id], set => { asset_id => 46 });
query(q{SELECT cmms.poll_now('plant')});
ok($node->poll_query_until($db, q{SELECT asset_ref = '46' FROM cmms.work_order}), 'an asset without an alias is taken as it is written');
ok(is_idle($node, $db), 'nothing is sent back');
is($simulator->summary->{updates} // 0, 0, 'no update was sent');

# Changed here: theirs goes out.
query(q{UPDATE cmms.work_order SET asset_ref = 'PUMP-001'});
ok(is_idle($node, $db), 'the change is sent');
is($simulator->order($id)->{asset}{id}, 45, 'as the provider calls it');
is(query('SELECT asset_ref, sync_state FROM cmms.work_order'), 'PUMP-001|synchronized', 'and here as we do');

unlike(slurp_file($node->logfile), qr/PANIC|was terminated by signal/, 'no process has crashed');

done_testing();
