# What the TAP tests share: clusters with pg_cmms preloaded, simulated providers, waiting for conditions.
package Cmms;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP ();
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(
  new_node start_simulator connect_provider worker_pid insert_orders open_session
  is_up wait_until seconds_for is_idle every_order_is_there_once free_port);

my $simulator_directory = abs_path(dirname(__FILE__) . '/../simulator');
my $python              = $ENV{PYTHON} || 'python3';
my @processes;

# Where each simulated provider's API begins; for SAP the caller appends the service.
my %api_path = (
    clickmaint    => '/api/v1',
    made_up       => '/api',
    mobility_work => '/partners/v1',
    sap_pm        => '/sap/opu/odata/sap',
);

# The statuses of the simulated account that the tests write; the reading direction needs no map.
my %status_number = (
    requested   => 3,
    in_progress => 1,
    on_hold     => 5,
    completed   => 8,
    closed      => 13,
    cancelled   => 21,
);

# A started cluster. restart_after_crash is what servers have outside of tests, and what kill -9 of a worker needs.
sub new_node
{
    my ($name, @settings) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init;
    $node->append_conf(
        'postgresql.conf', join "\n",
        q(shared_preload_libraries = 'pg_cmms'),
        'restart_after_crash = on',
        'max_worker_processes = 16',
        'max_connections = 50',
        @settings, '');
    $node->start;
    return $node;
}

# A server of type clickmaint for the simulator, activated; polls only when asked to (poll_now) unless told otherwise.
sub connect_provider
{
    my ($node, $database, $name, $simulator, %wanted) = @_;
    my $options = join ', ', "type 'clickmaint'",
      "base_url '" . ($wanted{base_url} // $simulator->api) . "'",
      "entity_id '12'", @{ $wanted{options} // [] };
    my $credential = $wanted{credential} // "api_key 'test-key'";
    my $poll_interval = $wanted{poll_interval} // '1 hour';
    my $import_since = $wanted{import_since} // '2020-01-01';
    $node->safe_psql(
        $database, qq{
        CREATE SERVER $name FOREIGN DATA WRAPPER cmms OPTIONS ($options);
        CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS ($credential);}
          . join('',
            map { "SELECT cmms.map_value('$name', 'status', '$_', '$status_number{$_}', direction => 'outbound');" }
              sort keys %status_number)
          . qq{SELECT cmms.activate('$name', mode => 'write_back', poll_interval => '$poll_interval', import_since => '$import_since');}
    );
    return;
}

sub insert_orders
{
    my ($node, $database, $provider, $count, $prefix) = @_;
    $prefix //= 'Order';
    return $node->safe_psql($database,
        "INSERT INTO cmms.work_order (provider_id, title, description, priority)"
          . " SELECT '$provider', '$prefix ' || n, 'from a test', 'high' FROM generate_series(1, $count) n");
}

# The process of a database's sync worker, once it runs.
sub worker_pid
{
    my ($node, $database) = @_;
    my $pid;
    wait_until(
        "a worker for $database",
        sub {
            my ($status, $output) = $node->psql($database,
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_cmms worker' AND datname = current_database()");
            $pid = $output if $status == 0;
            return $status == 0 && $output =~ /^\d+$/;
        });
    return $pid;
}

sub is_idle
{
    my ($node, $database) = @_;
    my ($status, $output) = $node->psql($database, "SELECT cmms.wait_until_idle('60 s')");
    return $status == 0 && $output eq 't';
}

# A session that stays open, for transactions that hold locks while the test goes on.
sub open_session
{
    my ($node, $database) = @_;
    my $session = bless { input => '', output => '', errors => '' }, 'Cmms::Session';
    $session->{harness} = IPC::Run::start(
        [ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database) ],
        '<', \$session->{input}, '>', \$session->{output}, '2>', \$session->{errors},
        $session->{timer} = IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
    return $session;
}

# Whether the server takes connections. $node->psql writes its statement to a psql that may have failed and gone already, and dies of that.
sub is_up
{
    my ($node) = @_;
    my @ask = ('psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SELECT 1');
    return IPC::Run::run(\@ask, '<', '/dev/null', '>', '/dev/null', '2>', '/dev/null');
}

# Repeats the check until it is true; dies after the time-out (seconds), so that a test never waits for ever.
sub wait_until
{
    my ($what, $check, $timeout) = @_;
    my $give_up_at = time + ($timeout // $PostgreSQL::Test::Utils::timeout_default);
    until ($check->())
    {
        die "gave up waiting for $what" if time > $give_up_at;
        sleep 0.05;
    }
    return 1;
}

sub seconds_for
{
    my ($action) = @_;
    my $started = time;
    $action->();
    return time - $started;
}

# The promise behind most of these tests: each local order is at the provider exactly once, under the id that was recorded.
sub every_order_is_there_once
{
    my ($node, $database, $provider, $simulator, $count, $what) = @_;
    my %number_of = map { $_->{reference} => $_->{id} } grep { defined $_->{reference} } @{ $simulator->control('GET', 'orders') };
    my $rows = $node->safe_psql($database,
        "SELECT common_work_order_id || ' ' || coalesce(source_work_order_id, '-') FROM cmms.work_order WHERE provider_id = '$provider'");
    my %recorded = map { split / / } split /\n/, $rows;
    my @wrong = grep { ($number_of{$_} // 'missing') ne $recorded{$_} } keys %recorded;
    my $summary = $simulator->summary;
    is(scalar keys %recorded, $count, "$what: $count orders in the database");
    is(scalar @wrong, 0, "$what: each is at the provider under its recorded id");
    is(scalar keys %{ $summary->{doubled} }, 0, "$what: none was created twice");
    is($summary->{orders}, $count, "$what: and there are no others");
    return;
}

# Where nothing listens.
sub free_port { return PostgreSQL::Test::Cluster::get_free_port(); }

# A simulated provider (default clickmaint) as a process of its own. The rate limit is off unless asked for.
sub start_simulator
{
    my (%wanted) = @_;
    my $provider  = $wanted{provider} // 'clickmaint';
    die "no API path is known for $provider" unless exists $api_path{$provider};
    my $port_file = PostgreSQL::Test::Utils::tempdir() . '/port';
    my @command = ($python, "$simulator_directory/$provider.py", '--port-file', $port_file, '--rate-limit', 0, @{ $wanted{options} // [] });
    my $pid = fork // die "cannot fork: $!";
    if ($pid == 0)
    {
        open STDOUT, '>', '/dev/null' or POSIX::_exit(1);
        exec @command or POSIX::_exit(1);
    }
    push @processes, $pid;
    wait_until(
        'the simulator',
        sub {
            die "the simulator ended at once" if waitpid($pid, POSIX::WNOHANG()) == $pid;
            return -s $port_file;
        },
        30);
    my $port = slurp_file($port_file);
    chomp $port;
    my $scheme = $wanted{scheme} // 'http';
    my $url = "$scheme://127.0.0.1:$port";
    return bless { pid => $pid, port => $port, url => $url, api => $url . $api_path{$provider} }, 'Cmms::Simulator';
}

sub stop_process
{
    my ($pid) = @_;
    kill 'TERM', $pid;
    waitpid $pid, 0;
    @processes = grep { $_ != $pid } @processes;
    return;
}

# The nodes' data directories go first (Cluster's own END); the exit status must stay what the tests made it.
END
{
    my $status = $?;
    stop_process($processes[0]) while @processes;
    $? = $status;
}

package Cmms::Session;

use strict;
use warnings;

# Returns the statement's output when it is done; dies when it fails.
sub query
{
    my ($self, $statement) = @_;
    $self->start($statement);
    return $self->result;
}

# Begins a statement that has to wait for another session.
sub start
{
    my ($self, $statement) = @_;
    $self->{timer}->start;
    $self->{output} = '';
    $self->{statement} = $statement;
    $self->{input} .= "$statement;\n\\echo finished\n";
    $self->{harness}->pump_nb;
    return;
}

sub result
{
    my ($self) = @_;
    $self->{harness}->pump until $self->{output} =~ /^finished$/m || !$self->{harness}->pumpable;
    die "session: $self->{statement}: $self->{errors}" unless $self->{output} =~ s/^finished\n//m;
    chomp $self->{output};
    return $self->{output};
}

# What the statement that was begun fails with, and the session with it.
sub failure
{
    my ($self) = @_;
    return eval { $self->result } // $@;
}

sub close
{
    my ($self) = @_;
    $self->{input} .= "\\q\n";
    $self->{harness}->finish;
    return;
}

package Cmms::Simulator;

use strict;
use warnings;

sub port { return $_[0]->{port}; }
sub url  { return $_[0]->{url}; }
sub api  { return $_[0]->{api}; }

sub control { return JSON::PP->new->utf8->decode(answer(@_)); }

# The control endpoint's answer as it is.
sub answer
{
    my ($self, $method, $path, $document) = @_;
    my %content = defined $document ? (content => JSON::PP->new->utf8->encode($document)) : ();
    my $answer = HTTP::Tiny->new(timeout => 60)->request($method, "$self->{url}/__control/$path", \%content);
    die "simulator: $method $path: $answer->{status} $answer->{content}" unless $answer->{success};
    return $answer->{content};
}

sub summary      { return $_[0]->control('GET',    'summary'); }
sub clear_faults { return $_[0]->control('DELETE', 'faults'); }
sub reset        { return $_[0]->control('POST',   'reset'); }

# Before the test ends, where many come and go.
sub stop { return Cmms::stop_process($_[0]->{pid}); }

# The requests seen, oldest first; e.g. ledger(method => 'POST', written => 'true').
sub ledger
{
    my ($self, %query) = @_;
    return @{ $self->control('GET', 'ledger?' . join '&', map { "$_=$query{$_}" } sort keys %query) };
}

# Rules as in test/simulator/core/faults.py.
sub fault
{
    my ($self, @rules) = @_;
    return $self->control('POST', 'faults', \@rules);
}

sub change { my ($self, %what) = @_; return @{ $self->control('POST', 'orders/change', \%what) }; }
sub create { my ($self, %what) = @_; return @{ $self->control('POST', 'orders/create', \%what) }; }

# An order by its id, or undef.
sub order
{
    my ($self, $number) = @_;
    my ($found) = grep { $_->{id} eq $number } @{ $self->control('GET', 'orders') };
    return $found;
}

1;
