# Every scenario with every provider, and a table of what came out. test/scenarios/run is the same with options.
use strict;
use warnings;

use Getopt::Long qw(GetOptions);
use List::Util qw(max);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use Cmms qw(new_node);
use Provider::ClickMaint;
use Provider::MobilityWork;
use Provider::SapPm;
use Scenario qw(scenarios);

my @classes = qw(Provider::ClickMaint Provider::SapPm Provider::MobilityWork);

my (@chosen_providers, @chosen_scenarios, $backfill);
GetOptions('provider=s' => \@chosen_providers, 'scenario=s' => \@chosen_scenarios, 'backfill=i' => \$backfill)
  or BAIL_OUT('see test/scenarios/run --help');
BAIL_OUT('a backfill has at least 100 records') if defined $backfill && $backfill < 100;

# Those that were asked for, all where none was; each is known by its name.
sub chosen
{
    my ($what, $names, %known) = @_;
    my ($unknown) = grep { !$known{$_} } @$names;
    BAIL_OUT("there is no $what \"$unknown\"; there are: " . join(', ', sort keys %known)) if defined $unknown;
    my %wanted = map { $_ => 1 } @$names ? @$names : keys %known;
    return \%wanted;
}

my @scenarios = scenarios(backfill => $backfill);
my $wanted_providers = chosen('provider', \@chosen_providers, map { $_->type => 1 } @classes);
my $wanted_scenarios = chosen('scenario', \@chosen_scenarios, map { $_->{name} => 1 } @scenarios);
@classes   = grep { $wanted_providers->{ $_->type } } @classes;
@scenarios = grep { $wanted_scenarios->{ $_->{name} } } @scenarios;

my $node = new_node('scenarios', 'cmms.retry_base = 100ms');
my $db   = 'postgres';
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');

# One scenario with one provider, on a server and a simulator of its own: what the table shows.
sub outcome
{
    my ($class, $scenario) = @_;
    my $provider = $class->new(node => $node, database => $db, server => $class->type . "_$scenario->{name}");
    my $started = time;
    my $remark = eval { $provider->connect; $provider->activate unless $scenario->{activates_itself}; $scenario->{run}->($provider) };
    my $problem = $@;
    my $seconds = time - $started;
    $provider->disconnect;
    return "FAILED: $problem" if $problem;
    return $remark if $remark =~ /^cannot/;
    return sprintf('ok %.1f s', $seconds) . ($remark && ", $remark");
}

my %table;
for my $class (@classes)
{
    for my $scenario (@scenarios)
    {
        my $outcome = outcome($class, $scenario);
        my ($cell) = split /\n/, $outcome;
        ok($outcome !~ /^FAILED/, $class->title . ": $scenario->{title}") or diag($outcome);
        note($class->title . ", $scenario->{title}: $cell");
        $table{ $class->title }{ $scenario->{title} } = $cell;
    }
}

note('');
my @rows = ([ 'scenario', map { $_->title } @classes ]);
for my $scenario (@scenarios)
{
    push @rows, [ $scenario->{title}, map { $table{ $_->title }{ $scenario->{title} } } @classes ];
}
my @widths = map { my $column = $_; max(map { length $_->[$column] } @rows) } 0 .. @classes;
splice @rows, 1, 0, [ map { '-' x $_ } @widths ];
for my $row (@rows)
{
    note(join('  ', map { sprintf '%-*s', $widths[$_], $row->[$_] } 0 .. @classes) =~ s/ +$//r);
}

unlike(slurp_file($node->logfile), qr/PANIC|was terminated by signal/, 'no process has crashed');

done_testing();
