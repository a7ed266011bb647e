# A request that many later answers have overtaken takes no slot of its provider any more; where nothing is answered, nothing is overtaken.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider insert_orders wait_until worker_pid every_order_is_there_once);

my $node = new_node('overtaken', "cmms.request_timeout = '5 min'");
my $db   = 'postgres';
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');

sub synchronized
{
    my ($provider) = @_;
    return $node->safe_psql($db, "SELECT count(*) FROM cmms.work_order WHERE provider_id = '$provider' AND sync_state = 'synchronized'");
}

# Twelve requests without an answer, three times as many as there are slots.
my $lossy = start_simulator();
$lossy->fault(map { { match => { method => 'POST' }, action => 'hang', skip => 40 * $_, count => 1 } } 1 .. 12);
connect_provider($node, $db, 'lossy', $lossy, options => [ "max_concurrency '4'", "timeout_ms '15000'", "lookup_grace '1'" ]);
my $worker = worker_pid($node, $db);
insert_orders($node, $db, 'lossy', 600);
ok(wait_until('all that is answered', sub { synchronized('lossy') == 588 }, 60), 'all others are synchronized meanwhile');
is($lossy->summary->{in_progress}, 12, 'twelve have no answer yet');
cmp_ok($lossy->summary->{max_concurrency}, '<=', 16, 'no more than four times the slots were in use');

my $silent = start_simulator();
$silent->fault({ match => { method => 'POST' }, action => 'hang' });
connect_provider($node, $db, 'silent', $silent, options => [ "max_concurrency '4'", "timeout_ms '300000'" ]);
insert_orders($node, $db, 'silent', 50);
wait_until('the requests', sub { $silent->summary->{in_progress} == 4 });
insert_orders($node, $db, 'lossy', 100, 'Later');
ok(wait_until('the other provider', sub { synchronized('lossy') == 688 }, 60), 'the other provider goes on');
is($silent->summary->{max_concurrency}, 4, 'one that answers nothing gets no more than its slots');

# In the end their time is out; they are looked up, and made.
ok(wait_until('the rest', sub { synchronized('lossy') == 700 }, 60), 'what had no answer is made in the end');
every_order_is_there_once($node, $db, 'lossy', $lossy, 700, 'lossy');
is(worker_pid($node, $db), $worker, 'by the same worker');

done_testing();
