# SQL functions as transforms in the worker: they have the rights of the foreign server's owner, and what they do
# wrong costs one record, not the worker.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider worker_pid is_idle wait_until);

my $simulator = start_simulator();
my $node      = new_node('transform');
my $db        = 'postgres';
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');
connect_provider($node, $db, 'plant_a', $simulator);
connect_provider($node, $db, 'plant_b', $simulator);
$node->safe_psql(
    $db, q{
    CREATE ROLE plant_owner;
    GRANT USAGE ON FOREIGN DATA WRAPPER cmms TO plant_owner;
    ALTER SERVER plant_a OWNER TO plant_owner;
    CREATE SCHEMA facility;
    GRANT USAGE ON SCHEMA facility TO plant_owner;
    CREATE TABLE facility.secret (word text);
    CREATE FUNCTION facility.who(value jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(current_user || ': ' || (value #>> '{}')) $$;
    CREATE FUNCTION facility.steal(value jsonb) RETURNS jsonb LANGUAGE plpgsql AS
      $$ BEGIN INSERT INTO facility.secret VALUES (value #>> '{}'); RETURN value; END $$;
    CREATE FUNCTION facility.endless(value jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN LOOP PERFORM 1; END LOOP; END $$;
    INSERT INTO cmms.field_map (provider_id, direction, target, source, transform, required)
      VALUES ('plant_a', 'outbound', 'title', 'title', 'sql facility.who', true)});
my $worker = worker_pid($node, $db);

sub insert_order
{
    my ($provider, $title) = @_;
    return $node->safe_psql($db, "INSERT INTO cmms.work_order (provider_id, title) VALUES ('$provider', '$title')");
}

sub use_function
{
    my ($function) = @_;
    return $node->safe_psql($db, "UPDATE cmms.field_map SET transform = 'sql $function' WHERE provider_id = 'plant_a'");
}

sub error_of
{
    my ($title) = @_;
    return $node->safe_psql($db,
        "SELECT o.state || ': ' || o.last_error FROM cmms.outbox o"
          . " JOIN cmms.work_order w ON w.common_work_order_id::text = o.record_id::text WHERE w.title = '$title'");
}

insert_order('plant_a', 'Pump');
ok(is_idle($node, $db), 'a push with a function goes through');
is(join(', ', map { $_->{title} } @{ $simulator->control('GET', 'orders') }), 'plant_owner: Pump', 'as the owner of the server makes it');

use_function('facility.steal');
insert_order('plant_a', 'Loot');
wait_until('the refused record', sub { error_of('Loot') =~ /^held/ });
like(error_of('Loot'), qr/facility\.steal: permission denied for table secret/, 'what the owner may not do holds the record');
is($node->safe_psql($db, 'SELECT count(*) FROM facility.secret'), '0', 'and nothing was written');

use_function('facility.endless');
insert_order('plant_a', 'Never');
wait_until('the stopped function', sub { error_of('Never') =~ /^held/ });
like(error_of('Never'), qr/stopped after 5 seconds/, 'a function that does not end is stopped');
insert_order('plant_b', 'Fan');
wait_until('the other provider',
    sub { $node->safe_psql($db, q{SELECT sync_state FROM cmms.work_order WHERE title = 'Fan'}) eq 'synchronized' });

# On the way in the worker maps in the middle of its own transaction.
$node->safe_psql(
    $db, q{
    UPDATE cmms.field_map SET direction = 'inbound', transform = 'sql facility.endless' WHERE provider_id = 'plant_a';
    DELETE FROM cmms.outbox});
$simulator->create(orders => [ { title => 'Theirs' } ]);
$node->safe_psql($db, q{SELECT cmms.poll_now('plant_a')});
wait_until('the held record', sub { $node->safe_psql($db, q{SELECT count(*) FROM cmms.held_record WHERE direction = 'inbound'}) > 0 });
like($node->safe_psql($db, q{SELECT reason FROM cmms.held_record WHERE direction = 'inbound' LIMIT 1}), qr/stopped after 5 seconds/, 'on the way in too');
is(worker_pid($node, $db), $worker, 'the worker has survived all of it');

done_testing();
