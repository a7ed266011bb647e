# Poison: records whose transform fails or does not end, whose request is refused or crashes the provider, whose answer makes no sense,
# whose result cannot be recorded. Each is sent at most once for each step of its back-off, and none stops the others.
use strict;
use warnings;

use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use Cmms qw(new_node start_simulator connect_provider is_idle wait_until worker_pid);

my $base_ms      = 400;
my $cap_ms       = 2000;
my $max_attempts = 6;
my $node = new_node('poison', 'cmms.request_timeout = 1s', "cmms.retry_base = ${base_ms}ms", "cmms.retry_cap = ${cap_ms}ms",
    "cmms.max_attempts = $max_attempts");
my $db        = 'postgres';
my $simulator = start_simulator();
sub query { return $node->safe_psql($db, $_[0]); }
sub state_of { return query("SELECT sync_state FROM cmms.work_order WHERE title = '$_[0]'"); }

query('CREATE EXTENSION pg_cmms');
connect_provider($node, $db, 'plant_a', $simulator, options => [q(lookup_grace '1')]);
ok(is_idle($node, $db), 'the first poll is done');
my $worker = worker_pid($node, $db);

# Some are created well, and poisonous when they are changed.
my @changed = ('Gone wild', 'Torn', 'Lost result');
query("INSERT INTO cmms.work_order (provider_id, title) SELECT 'plant_a', t FROM unnest(ARRAY['" . join("','", @changed) . "']) t");
ok(is_idle($node, $db), 'what is there before');
query(q{
    CREATE SCHEMA facility;
    CREATE FUNCTION facility.title(value jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
    BEGIN
      IF value #>> '{}' = 'Raises' THEN RAISE EXCEPTION 'I do not like this title'; END IF;
      LOOP EXIT WHEN value #>> '{}' <> 'Endless'; END LOOP;
      RETURN value;
    END $$;
    INSERT INTO cmms.field_map (provider_id, direction, target, source, transform, required)
      VALUES ('plant_a', 'outbound', 'title', 'title', 'sql facility.title', true);
    -- Nothing that the worker writes of the first can be recorded, of the others only failures.
    CREATE FUNCTION facility.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no such change'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON cmms.work_order FOR EACH ROW
      WHEN (cmms.change_origin() = 'worker' AND (old.title = 'Unrecordable'
            OR old.title IN ('Lost result', 'Lost create') AND old.last_synced_at IS DISTINCT FROM new.last_synced_at))
      EXECUTE FUNCTION facility.refuse()});
$simulator->fault(
    { match => { method => 'POST',  body => 'Crashes' },  action => 'status',       status => 500, body => 'Traceback: at line 7' },
    { match => { method => 'POST',  body => 'Refused' },  action => 'status',       status => 400, body => '{"error": "no"}' },
    { match => { method => 'POST',  body => 'Nonsense' }, action => 'replace_body', body   => '[' x 20000, write => JSON::PP::false },
    { match => { method => 'POST',  body => 'Silent' },   action => 'hang' },
    { match => { method => 'PATCH', body => 'wild' },     action => 'status',       status => 500 },
    { match => { method => 'PUT',   body => 'wild' },     action => 'status',       status => 500 },
    { match => { method => 'PATCH', body => 'torn' },     action => 'truncate',     bytes  => 10 },
    { match => { method => 'PUT',   body => 'torn' },     action => 'truncate',     bytes  => 10 });

my @created = ('Raises', 'Endless', 'Crashes', 'Refused', 'Nonsense', 'Silent', 'Unrecordable', 'Lost create');
my $started = time;
query(qq{
    INSERT INTO cmms.work_order (provider_id, title)
    SELECT 'plant_a', CASE WHEN n % 29 = 0 THEN (ARRAY['@{[ join q(','), @created ]}'])[n / 29] ELSE 'Good ' || n END FROM generate_series(1, 232) n;
    UPDATE cmms.work_order SET description = CASE title WHEN 'Gone wild' THEN 'wild' WHEN 'Torn' THEN 'torn' ELSE 'lost' END
    WHERE title IN ('Gone wild', 'Torn', 'Lost result')});
ok($node->poll_query_until($db, q{SELECT count(*) = 224 FROM cmms.work_order WHERE title LIKE 'Good %' AND sync_state = 'synchronized'}),
    'all good orders arrive');
my $good_after = time - $started;
cmp_ok($good_after, '<', 15, sprintf('while the poison is there (%.1f s, of which a function that does not end takes 5)', $good_after));


# How it ends for each: when the attempts are exhausted, or as soon as it is clear that another one is of no use.
my %end = (
    'Raises'       => [ 0, 'held',     qr/refused by function facility\.title: I do not like this title/ ],
    'Endless'      => [ 0, 'held',     qr/stopped after 5 seconds/ ],
    'Refused'      => [ 1, 'rejected', qr/400 Bad Request: no/ ],
    'Crashes'      => [ $max_attempts, 'rejected', qr/no such record after $max_attempts attempts/ ],
    'Nonsense'     => [ $max_attempts, 'rejected', qr/no such record after $max_attempts attempts/ ],
    'Silent'       => [ $max_attempts, 'rejected', qr/no such record after $max_attempts attempts/ ],
    'Gone wild'    => [ $max_attempts, 'rejected', qr/500/ ],
    'Lost result'  => [ $max_attempts, 'rejected', qr/the outcome could not be recorded: no such change/ ],
    'Lost create'  => [ 1, 'in_doubt', qr/the outcome could not be recorded: no such change/ ],
    'Unrecordable' => [ 1, 'pending',  qr/^$/ ]);
for my $title (sort keys %end)
{
    my (undef, $state, $error) = @{ $end{$title} };
    ok($node->poll_query_until($db, "SELECT sync_state = '$state' FROM cmms.work_order WHERE title = '$title'"), "$title: $state in the end");
    like(query("SELECT last_error FROM cmms.work_order WHERE title = '$title'"), $error, "$title: with its cause");
}
like(query(q{SELECT o.state || ': ' || o.last_error FROM cmms.outbox o JOIN cmms.work_order w ON w.common_work_order_id = o.record_id::uuid WHERE w.title = 'Unrecordable'}),
    qr/^in_doubt: the outcome could not be recorded/, 'Unrecordable: the queue knows, as the order itself takes no change');
# A connection that breaks off may be the provider's doing, so that order is never given up.
wait_until('some more attempts of the torn one', sub { scalar @{ writes()->{Torn} } > 8 });
is(state_of('Torn'), 'retrying', 'Torn: tried again and again');

# When each was written to the provider, creates by their title and changes by the description that was given to them.
sub writes
{
    my %title_of = (wild => 'Gone wild', torn => 'Torn', lost => 'Lost result');
    my %at;
    for my $entry (grep { $_->{method} ne 'GET' && $_->{at} > $started } $simulator->ledger)
    {
        my ($title) = $entry->{body} =~ /"title":\s*"([^"]*)"/;
        my ($description) = $entry->{body} =~ /"description":\s*"(\w+)/;
        push @{ $at{ $title // $title_of{$description} } }, $entry->{at};
    }
    return \%at;
}

# Between attempt n and the next at least half of base * 2^(n - 1), at most half of it being jitter; the clocks are the same.
my $writes = writes();
$end{Torn} = [ 1000 ];
for my $title (sort keys %end)
{
    my @at = @{ $writes->{$title} // [] };
    cmp_ok(scalar @at, '<=', $end{$title}[0], "$title: " . @at . ' writes');
    my @early = grep { my $step = $base_ms * 2 ** ($_ - 1); $at[$_] - $at[$_ - 1] < ($step < $cap_ms ? $step : $cap_ms) / 2000 - 0.01 } 1 .. $#at;
    is(scalar @early, 0, "$title: never before its next step");
}

# What a person sees: the cause, what was sent and what was answered.
my $id = query(q{SELECT common_work_order_id FROM cmms.work_order WHERE title = 'Crashes'});
is(query("SELECT reason, detail LIKE '%no such record%', action LIKE '%cmms.retry%' FROM cmms.needs_attention WHERE title = 'Crashes'"), 'rejected|t|t',
    'it is listed for a person');
is(query("SELECT count(*), bool_and(request ->> 'body' LIKE '%Crashes%'), bool_and(response ->> 'body' LIKE '%Traceback%'), bool_and(request::text NOT LIKE '%test-key%')"
          . " FROM cmms.sync_history WHERE common_work_order_id = '$id' AND direction = 'push'"), "$max_attempts|t|t|t", 'with each request and answer');

# And does about it.
$simulator->clear_faults;
is(query("SELECT cmms.retry('$id')"), 't', 'retried');
wait_until('the order', sub { state_of('Crashes') eq 'synchronized' });
cmp_ok(query("SELECT cmms.retry_all('plant_a', since => now() - interval '1 hour', error_class => 'provider_unavailable')"), '>=', 3, 'those with one cause retried together');
wait_until('the orders', sub { query(q{SELECT count(*) FROM cmms.work_order WHERE title IN ('Nonsense', 'Silent', 'Gone wild') AND sync_state = 'synchronized'}) eq '3' });
is(query(q{SELECT cmms.discard(common_work_order_id, 'not wanted') FROM cmms.work_order WHERE title = 'Refused'}), 't', 'discarded');
is(query(q{SELECT count(*) FROM cmms.needs_attention WHERE title = 'Refused'}), '0', 'that one needs no attention any more');
is(query(q{SELECT string_agg(action || coalesce(': ' || (detail ->> 'reason'), ''), ', ' ORDER BY audit_log_id) FROM cmms.audit_log WHERE action IN ('retry', 'retry_all', 'discard')}),
    'retry, retry_all, discard: not wanted', 'all of it is in the audit log');

# The trigger is gone: what could not be recorded is found at the provider, and nothing is created again.
query('DROP TRIGGER refuse ON cmms.work_order');
for my $title ('Unrecordable', 'Lost create', 'Torn')
{
    wait_until($title, sub { state_of($title) eq 'synchronized' });
    pass("$title: recorded once that is possible");
}
is(scalar keys %{ $simulator->summary->{doubled} }, 0, 'nothing was created twice');
is(worker_pid($node, $db), $worker, 'the worker has lived through all of it');
unlike(slurp_file($node->logfile), qr/PANIC|was terminated by signal/, 'and no process has crashed');

done_testing();
