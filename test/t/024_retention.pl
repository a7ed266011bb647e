# Retention by the worker itself: in small steps, in nobody's way, whoever reads or holds an old snapshot meanwhile.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider insert_orders is_idle open_session wait_until worker_pid);

my $node = new_node('retention', map { "cmms.${_}_retention = 0" } qw(event sync_log webhook_event));
my $db   = 'postgres';
my $simulator = start_simulator();
sub query { return $node->safe_psql($db, $_[0]); }
sub reload { query("ALTER SYSTEM SET $_[0]"); $node->reload; return; }

query('CREATE EXTENSION pg_cmms');
connect_provider($node, $db, 'plant_a', $simulator);
ok(is_idle($node, $db), 'the first poll is done');
# Two old weeks of each table, 20 and 10 weeks ago, with rows; and 30,000 old deliveries.
query(q{
    CREATE FUNCTION make_weeks() RETURNS void LANGUAGE plpgsql SET timezone = 'UTC' AS $$
    DECLARE week record;
    BEGIN
      FOR week IN SELECT p.name AS parent, p.name || '_old' || n AS partition, date_trunc('week', now()) - n * interval '1 week' AS begins
                  FROM cmms.partitioned_table() p, unnest(ARRAY[20, 10]) n LOOP
        EXECUTE format('CREATE TABLE cmms.%I (LIKE cmms.%I INCLUDING ALL EXCLUDING IDENTITY)', week.partition, week.parent || '_default');
        EXECUTE format('ALTER TABLE cmms.%I ATTACH PARTITION cmms.%I FOR VALUES FROM (%L) TO (%L)',
                       week.parent, week.partition, week.begins, week.begins + interval '1 week');
      END LOOP;
      INSERT INTO cmms.event (tenant_id, event_type, provider_id, occurred_at)
      SELECT 'default', 'sync.failed', 'plant_a', date_trunc('week', now()) - n * interval '1 week' FROM unnest(ARRAY[20, 10]) n, generate_series(1, 100);
    END $$;
    SELECT make_weeks();
    INSERT INTO cmms.webhook_event (tenant_id, provider_id, body, outcome, http_status, processed_at, received_at)
    SELECT 'default', 'plant_a', convert_to(repeat('x', 200), 'UTF8'), CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'applied' END, 200, now(),
           now() - interval '100 days' FROM generate_series(1, 30000) n});
my $worker = worker_pid($node, $db);

sub old_partitions
{
    return query(q{SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class c
                   WHERE c.relnamespace = 'cmms'::regnamespace AND c.relkind = 'r' AND c.relname ~ '_old\d+$'});
}
sub applied_left { return query(q{SELECT count(*) FROM cmms.webhook_event WHERE outcome = 'applied'}); }

# A reader of an old week, and a snapshot that is older than everything that follows.
my $reader = open_session($node, $db);
$reader->query('BEGIN; SELECT count(*) FROM cmms.event_old20');
my $snapshot = open_session($node, $db);
$snapshot->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM cmms.work_order');

# Each step is a transaction of the worker's: the deletes of one have its id.
query(q{
    CREATE TABLE step (id xid8, deleted integer);
    CREATE FUNCTION note_step() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN INSERT INTO public.step SELECT pg_current_xact_id(), count(*) FROM gone HAVING count(*) > 0; RETURN NULL; END $$;
    CREATE TRIGGER note_step AFTER DELETE ON cmms.webhook_event REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note_step()});
reload('cmms.webhook_event_retention = 30');
wait_until('the deliveries to be pruned', sub { applied_left() == 0 });
is(query(q{SELECT count(*) FROM cmms.webhook_event WHERE outcome = 'failed'}), '3000', 'failures are kept for longer');
is(query('SELECT sum(deleted), max(deleted) <= 1000, count(*) >= 27, count(DISTINCT id) = count(*) FROM step'), '27000|t|t|t',
    'in small steps, each committed, while a snapshot from before is held');
is($snapshot->query('SELECT count(*) FROM cmms.webhook_event'), '30000', 'which sees the rows still');

reload('cmms.sync_log_retention = 30');
wait_until('the old weeks', sub { old_partitions() eq 'audit_log_old10 audit_log_old20 event_old10 event_old20 sync_log_failure_old10 sync_log_failure_old20' });
pass('old weeks of successes are dropped, and those of failures and of the audit log are kept');

# The week that is being read is left alone, the other one goes; and what is pushed meanwhile is not held up by it.
reload('cmms.event_retention = 30');
wait_until('the free week', sub { old_partitions() !~ /event_old10/ });
like(old_partitions(), qr/event_old20/, 'the week that is being read is left');
is($reader->query('SELECT count(*) FROM cmms.event_old20'), '100', 'and can be read');
my $holder = open_session($node, $db);
$holder->query('BEGIN; LOCK TABLE cmms.event_default IN ACCESS EXCLUSIVE MODE');
is(query(q{SELECT count(*) > 0 FROM cmms.apply_retention() WHERE action = 'locked' AND relation LIKE 'event%'}), 't', 'a partition that somebody holds is left');
$holder->query('COMMIT');
$holder->close;
insert_orders($node, $db, 'plant_a', 200, 'Beside');
ok(is_idle($node, $db), 'pushed');
is(query("SELECT count(*) FROM cmms.work_order WHERE sync_state = 'synchronized'"), '200', 'orders are pushed meanwhile');

# A reader of the whole table, as long as it takes: writers go on, and nobody waits in a queue behind the drop.
$reader->query('SELECT count(*) FROM cmms.event');
reload('cmms.event_retention = 31');
for my $round (1 .. 20)
{
    insert_orders($node, $db, 'plant_a', 10, "Round $round");
}
ok(is_idle($node, $db), 'pushed');
is(query("SELECT count(*) FROM cmms.work_order WHERE sync_state = 'synchronized'"), '400', 'orders are written and pushed while the table is read');
$reader->query('COMMIT');
# The worker may be the one that drops it.
wait_until('the week that was read', sub { query('SELECT FROM cmms.apply_retention()'); old_partitions() !~ /event_old20/ });
pass('afterwards it goes');
$snapshot->query('COMMIT');

# Settings of 0 keep everything.
reload('cmms.failure_retention = 0');
is(query(q{SELECT count(*) FROM cmms.retention_rule() WHERE relation LIKE 'sync_log_failure%' AND keeps IS NULL}), '2', '0 is for ever');

# In the middle of it the worker stops when it is told to, and goes on after a restart.
query(q{INSERT INTO cmms.webhook_event (tenant_id, provider_id, body, outcome, http_status, processed_at, received_at)
    SELECT 'default', 'plant_a', convert_to(repeat('x', 2000), 'UTF8'), 'applied', 200, now(), now() - interval '100 days' FROM generate_series(1, 40000) n});
# Each step takes long enough for the stop to come in the middle of forty.
query(q{CREATE OR REPLACE FUNCTION note_step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END $$});
$node->reload;
wait_until('its first steps', sub { applied_left() < 40000 });
$node->stop('fast');
$node->start;
cmp_ok(applied_left(), '>', 0, 'stopped half way');
query('DROP TRIGGER note_step ON cmms.webhook_event');
wait_until('the rest', sub { applied_left() == 0 });
pass('after a restart it goes on');

is(query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_cmms worker'"), '1', 'the worker runs');
unlike(slurp_file($node->logfile), qr/PANIC|was terminated by signal|WARNING/, 'nothing went wrong on the way');

done_testing();
