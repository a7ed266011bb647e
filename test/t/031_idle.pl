# A worker without work asks the database nothing until its fallback interval is over.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider insert_orders is_idle wait_until);

my $node = new_node('idle', "shared_preload_libraries = 'pg_cmms, pg_stat_statements'", 'pg_stat_statements.track = all',
    "cmms.fallback_poll_interval = '1 h'");
my $db = 'postgres';
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms; CREATE EXTENSION pg_stat_statements');
my $simulator = start_simulator();
connect_provider($node, $db, 'plant_a', $simulator);
insert_orders($node, $db, 'plant_a', 5);
ok(is_idle($node, $db), 'the work is done');

# The figures themselves are read in another database, so that nothing of the test counts.
sub statements
{
    return $node->safe_psql('template1', "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
      WHERE dbid = (SELECT oid FROM pg_database WHERE datname = '$db')");
}
$node->safe_psql('template1', 'CREATE EXTENSION pg_stat_statements');

# What a worker still does after its last result ends within a few seconds; then eight seconds pass without a statement.
my ($quiet_since, $known) = (time, statements());
wait_until(
    'the silence',
    sub {
        my $now = statements();
        ($quiet_since, $known) = (time, $now) if $now != $known;
        return time - $quiet_since >= 8;
    },
    40);
pass('the worker asks nothing for eight seconds');

insert_orders($node, $db, 'plant_a', 1, 'Later');
ok(is_idle($node, $db), 'a commit wakes it at once');
is($simulator->summary->{creates}, 6, 'and its order is sent');

done_testing();
