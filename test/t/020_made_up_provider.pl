# docs/adding-a-provider.md followed literally: a provider that the extension has never heard of is connected by rows alone, and the
# page's SQL gives what the page shows. Between its steps the test plays the provider's users.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator);
use CmmsPage qw(blocks_of squeezed);

my $page     = 'adding-a-provider';
my $fixly    = start_simulator(provider => 'made_up');
my $node     = new_node('made_up');
my $database = 'made_up';
$node->safe_psql('postgres', "CREATE DATABASE $database");
$node->safe_psql($database, 'CREATE EXTENSION pg_cmms');

# What the page tells of between its blocks, by the beginning of the block that follows.
my %happens_before = (
    q{SELECT cmms.poll_now} => sub { $fixly->change(ids => [1], set => { state => 'WORKING' }) },
);

# What is at Fixly after a block, by the page's heading.
my %there_after = (
    '3. Create and update' => sub {
        my ($job) = @{ $fixly->control('GET', 'orders') };
        is($job->{summary}, 'Pump P-7 rattles', 'the job is at Fixly');
        is($job->{reference}, $node->safe_psql($database, 'SELECT common_work_order_id FROM cmms.work_order'), 'under our reference');
    });

# A session of its own for each block.
sub run_block
{
    my ($sql) = @_;
    $sql =~ s{\Qhttps://fixly.example.com/api\E}{$fixly->api}ge;
    my $script = "\\set ON_ERROR_STOP 1\n\\pset footer off\n$sql";
    my ($output, $errors) = ('', '');
    IPC::Run::run([ 'psql', '-X', '-q', '-P', 'pager=off', '-d', $node->connstr($database) ],
        '<', \$script, '>', \$output, '2>', \$errors, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
    return ($output, $errors);
}

for my $block (blocks_of($page))
{
    my $name = "$page.md, line $block->{line}";
    for my $beginning (grep { index($block->{sql}, $_) == 0 } keys %happens_before) { $happens_before{$beginning}->() }
    my ($output, $errors) = run_block($block->{sql});
    is($errors, '', "$name: runs") or last;
    is(squeezed($output), squeezed($block->{shown}), "$name: gives what is shown") if defined $block->{shown};
    $there_after{ $block->{heading} }->() if $there_after{ $block->{heading} };
}

my ($job) = @{ $fixly->control('GET', 'orders') };
is($job->{urgency}, 1, 'the update is at Fixly');
is($job->{state}, 'WORKING', 'what came from Fixly did not go back');
is_deeply($fixly->summary->{doubled}, {}, 'nothing was created twice');
is($fixly->summary->{creates}, 1, 'one job');

# What is not answered is found again by the reference that the descriptor says how to send.
$fixly->fault({ match => { method => 'POST' }, action => 'reset_after', count => 1 });
$node->safe_psql($database, q{ALTER SERVER fixly OPTIONS (ADD lookup_grace '0');
  INSERT INTO cmms.work_order (provider_id, title) VALUES ('fixly', 'Fan F-2 stands still')});
is($node->safe_psql($database, q{SELECT cmms.wait_until_idle('30 s')}), 't', 'an unanswered create is settled');
is($node->safe_psql($database, q{SELECT source_work_order_id FROM cmms.work_order WHERE title = 'Fan F-2 stands still'}), '2', 'by its reference');
is($fixly->summary->{creates}, 2, 'and not sent again');

done_testing();
