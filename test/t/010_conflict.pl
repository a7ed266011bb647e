# An update that meets a change of the provider's which no poll has seen yet.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider is_idle wait_until);

my $simulator = start_simulator();
my $node      = new_node('conflict');
my $db        = 'postgres';
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');
connect_provider($node, $db, 'plant_a', $simulator);

sub sql { return $node->safe_psql($db, $_[0]); }

sub writes
{
    my $summary = $simulator->summary;
    return "$summary->{creates} creates, $summary->{updates} updates";
}

sub conflicts
{
    return sql(q{SELECT string_agg(concat_ws(' ', field, base_value, hub_value, provider_value, rule, coalesce(winner, 'open')), '; ' ORDER BY conflict_id)
                 FROM cmms.conflict});
}

sub own
{
    my ($owner) = @_;
    sql("INSERT INTO cmms.field_map (provider_id, direction, target, source, owner) VALUES ('plant_a', 'inbound', 'title', 'title', '$owner')
         ON CONFLICT (provider_id, resource, direction, target) DO UPDATE SET owner = excluded.owner");
    return;
}

sql(q{INSERT INTO cmms.work_order (provider_id, title, priority) VALUES ('plant_a', 'Freezer', 'low')});
ok(is_idle($node, $db), 'idle after the insert');
my $number = sql('SELECT source_work_order_id FROM cmms.work_order');

# Another field than ours: no conflict, and the news come with it.
$simulator->change(ids => [$number], set => { title => 'Freezer 3' });
sql(q{UPDATE cmms.work_order SET priority = 'high'});
ok(is_idle($node, $db), 'idle after the update');
is(sql('SELECT title, priority FROM cmms.work_order'), 'Freezer 3|high', 'both changes are here');
is($simulator->order($number)->{priority}, 'high', 'ours is there');
is(conflicts(), '', 'and there is no conflict');

# The same field, and ours is the later change.
$simulator->change(ids => [$number], set => { title => 'Freezer three' });
my $stamp = $simulator->order($number)->{updated_at};
ok(wait_until('the clock to pass the provider\'s time stamp', sub { sql("SELECT clock_timestamp() > '$stamp'") eq 't' }), 'ours will be later');
sql(q{UPDATE cmms.work_order SET title = 'Freezer 3 leaks'});
ok(is_idle($node, $db), 'idle after both sides changed the title');
is($simulator->order($number)->{title}, 'Freezer 3 leaks', 'the later change stands at the provider');
is(conflicts(), 'title "Freezer 3" "Freezer 3 leaks" "Freezer three" newest hub', 'and what it replaced is kept');

# The provider's field: our change is not sent.
own('provider');
my $before = writes();
$simulator->change(ids => [$number], set => { title => 'Freezer 3: seal' });
sql(q{UPDATE cmms.work_order SET title = 'Freezer 3: door'});
ok(is_idle($node, $db), 'idle after a change of the provider\'s field');
is(sql('SELECT title, sync_state FROM cmms.work_order'), 'Freezer 3: seal|synchronized', 'the provider\'s value is ours now');
is(writes(), $before, 'nothing was written');

# A person decides.
own('manual');
$simulator->change(ids => [$number], set => { title => 'Freezer 4' });
sql(q{UPDATE cmms.work_order SET title = 'Freezer 5'});
ok(is_idle($node, $db), 'idle after the third');
is(sql('SELECT title, sync_state, last_error_class FROM cmms.work_order'), 'Freezer 5|stale|conflict', 'ours stays here');
is($simulator->order($number)->{title}, 'Freezer 4', 'theirs there');
is(sql('SELECT conflicts FROM cmms.sync_health'), '1', 'and the conflict is counted');
sql(q{SELECT cmms.resolve(tenant_id, conflict_id, 'hub') FROM cmms.conflict WHERE resolved_at IS NULL});
ok(is_idle($node, $db), 'idle after the decision');
is($simulator->order($number)->{title}, 'Freezer 5', 'which is sent');
is(sql('SELECT sync_state, last_error_class IS NULL FROM cmms.work_order'), 'synchronized|t', 'and settles the order');

# Without the check the last write wins, as it does with any client of that provider.
sql(q{ALTER SERVER plant_a OPTIONS (ADD update_check 'none')});
$simulator->change(ids => [$number], set => { title => 'Freezer 6' });
sql(q{UPDATE cmms.work_order SET title = 'Freezer 7'});
ok(is_idle($node, $db), 'idle without the check');
is($simulator->order($number)->{title}, 'Freezer 7', 'the update is sent at once');
is(sql('SELECT count(*) FROM cmms.conflict WHERE resolved_at IS NULL'), '0', 'and no conflict is noticed');

done_testing();
