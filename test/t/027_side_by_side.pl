# Different providers never slow each other: beside one that hangs, one that refuses every request for its rate, one that refuses
# connections and one whose answers trickle, what goes to a healthy one is recorded within milliseconds.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider insert_orders is_idle wait_until worker_pid);

my $node = new_node('side_by_side', 'cmms.request_timeout = 60s', 'cmms.retry_base = 10ms', 'cmms.retry_cap = 200ms');
my $db   = 'postgres';
sub query { return $node->safe_psql($db, $_[0]); }

query('CREATE EXTENSION pg_cmms');
my %simulator = map { $_ => start_simulator() } qw(healthy hanging limited slow);
connect_provider($node, $db, $_, $simulator{$_}) for sort keys %simulator;
connect_provider($node, $db, 'absent', undef, base_url => 'http://127.0.0.1:' . Cmms::free_port() . '/api/v1');
ok($node->poll_query_until($db, q{SELECT count(*) = 4 FROM cmms.sync_health WHERE last_complete_at IS NOT NULL}), 'all that are there have been polled');
my $worker = worker_pid($node, $db);

# How long an order of the healthy provider takes from its commit to its recorded answer, in milliseconds, as the database sees it.
query(q{
    CREATE TABLE recorded (id uuid, at timestamptz DEFAULT clock_timestamp());
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.recorded VALUES (new.common_work_order_id); RETURN NULL; END $$;
    CREATE TRIGGER note AFTER UPDATE ON cmms.work_order FOR EACH ROW
      WHEN (new.provider_id = 'healthy' AND new.sync_state = 'synchronized' AND old.sync_state <> 'synchronized') EXECUTE FUNCTION note();
    CREATE PROCEDURE one_by_one(count integer) LANGUAGE plpgsql AS $$
    BEGIN
      FOR n IN 1 .. count LOOP
        INSERT INTO cmms.work_order (provider_id, title) VALUES ('healthy', 'One by one');
        COMMIT;
        PERFORM pg_sleep(0.01);
        COMMIT;
      END LOOP;
    END $$});

sub measure
{
    my ($what) = @_;
    query("TRUNCATE recorded; DELETE FROM cmms.work_order WHERE provider_id = 'healthy' AND sync_state = 'synchronized'");
    ok($node->poll_query_until($db, q{SELECT count(*) = 0 FROM cmms.work_order WHERE provider_id = 'healthy'}), "$what: cleared");
    query('CALL one_by_one(100)');
    ok($node->poll_query_until($db, 'SELECT count(*) = 100 FROM recorded'), "$what: all are recorded");
    my ($median, $most) = split /\|/, query(q{
        SELECT round((percentile_cont(0.5) WITHIN GROUP (ORDER BY ms))::numeric, 1), round((percentile_cont(0.95) WITHIN GROUP (ORDER BY ms))::numeric, 1)
        FROM (SELECT extract(epoch FROM r.at - w.created_at) * 1000 AS ms FROM recorded r JOIN cmms.work_order w ON w.common_work_order_id = r.id) m});
    note("$what: median $median ms, 95 % within $most ms");
    return $median;
}

my $alone = measure('alone');

# All connections of one hang for ever, one answers 429 to everything, one needs a second for each answer.
$simulator{hanging}->fault({ match => { method => 'POST' }, action => 'hang' });
$simulator{limited}->fault({ match => { path => 'work_orders' }, action => 'status', status => 429 });
$simulator{slow}->fault({ match => { path => 'work_orders' }, action => 'latency', latency_ms => 1000 });
insert_orders($node, $db, $_, 500, $_) for qw(hanging limited slow absent);
wait_until('the storm', sub {
    return $simulator{hanging}->summary->{in_progress} == 16 && $simulator{slow}->summary->{in_progress} > 0
      && ($simulator{limited}->summary->{by_status}{429} // 0) > 3;
});
ok($node->poll_query_until($db, q{SELECT bool_and(waiting_for IS NOT NULL) FROM cmms.sync_health WHERE provider_id IN ('limited', 'absent')}),
    'the others wait for something');
my $beside = measure('beside the others');
cmp_ok($beside, '<', 20, "recorded within 20 ms beside a provider that hangs ($beside ms; alone $alone ms)");
is($simulator{hanging}->summary->{in_progress}, 16, 'which hangs still, on as many connections as it may have');
is(query(q{SELECT count(*) FROM cmms.work_order WHERE provider_id IN ('limited', 'absent') AND sync_state NOT IN ('pending', 'retrying', 'in_doubt')}), '0',
    'what the others have is waiting, none of it refused');
is(worker_pid($node, $db), $worker, 'the same worker does all of it');

done_testing();
