# A provider as the scenarios see it: a simulator and a foreign server that uses it. The classes in Provider/ say how one provider differs
# from the usual case, which is here.
package Provider;

use strict;
use warnings;

use Cmms qw(is_idle start_simulator);
use Encode qw(decode encode);
use JSON::PP ();
use PostgreSQL::Test::Utils;

# --- what a provider's class says ----------------------------------------------------------------------------------------------------
#
# title             its name in the table
# type              its provider type, which is also its simulator's name
# server_options    options of the foreign server, besides type and base_url
# credentials       options of the user mapping
# new_credentials   (settings of the simulator, options of the user mapping): a credential that replaces the one before
# shown             (record): what the simulator's record says, under the names of our columns
# status_there      (record): the provider's word for its status
# new_there         (title): a new record, as the control endpoint takes it
# changes           (ours): a change of title or status, as the control endpoint takes it
# title_member      member of its document that holds the title
# create_request    what matches the request that creates an order, for faults
# walk              the status walk: our status, the provider's word for it, requests that it takes

sub base_url          { return $_[0]{simulator}->api; }
sub simulator_options { return (); }

# Statements that a DBA runs before activation.
sub preparations { return (); }

# Columns that every new order needs, as SQL expressions.
sub order_columns { return (); }

# What a record may carry as our reference to an order.
sub references_of { my ($self, $order) = @_; return ($order); }

# Why it cannot do what a scenario is about, in the words of the table, and what the refusal must say; nothing where it can.
sub cannot { return; }

# Whether the answer to a create tells no id. Then hide_new_records leaves it to webhooks to tell it, and learn_ids makes it known.
sub tells_no_id      { return 0; }
sub hide_new_records { return; }
sub learn_ids        { return; }

# What a poll does not see, in the words of the table.
sub poll_misses { return ''; }

# What the control endpoint that creates calls the time.
sub time_member { return 'updated_at'; }

# The webhooks that it has sent, oldest first; and what the table says of them.
sub webhooks       { return (); }
sub webhook_remark { return ''; }

# --- the same for every provider -----------------------------------------------------------------------------------------------------

sub new
{
    my ($class, %given) = @_;
    return bless {%given}, $class;
}

sub node      { return $_[0]{node}; }
sub server    { return $_[0]{server}; }
sub simulator { return $_[0]{simulator}; }

sub is_installed
{
    my ($self) = @_;
    my $type = $self->type;
    return $self->value("SELECT EXISTS (SELECT FROM cmms.provider_type WHERE provider_type = '$type')") eq 't';
}

# A simulator, a foreign server and its credential; activate makes it work.
sub connect
{
    my ($self) = @_;
    # A short window from the start: a client believes the later of two resets that it was told.
    $self->{simulator} = start_simulator(provider => $self->type, options => [ '--rate-window', 1, $self->simulator_options ]);
    my %server = (type => $self->type, base_url => $self->base_url, lookup_grace => 1, $self->server_options);
    $self->value("CREATE SERVER $self->{server} FOREIGN DATA WRAPPER cmms OPTIONS (" . options('', %server) . ')');
    $self->value("CREATE USER MAPPING FOR PUBLIC SERVER $self->{server} OPTIONS (" . options('', $self->credentials) . ')');
    $self->value($_) for $self->preparations;
    return;
}

sub activate
{
    my ($self) = @_;
    $self->value("SELECT cmms.activate('$self->{server}', mode => 'write_back', poll_interval => '1 hour', import_since => '2020-01-01')");
    return;
}

# Nothing of it disturbs the next scenario.
sub disconnect
{
    my ($self) = @_;
    return unless $self->{simulator};
    $self->{node}->psql($self->{database}, "SELECT cmms.deactivate('$self->{server}')");
    $self->{simulator}->stop;
    return;
}

# The simulator accepts only the new credential from now on; use_new_credential tells the database.
sub change_credential
{
    my ($self) = @_;
    my ($settings) = $self->new_credentials;
    $self->simulator->control('POST', 'settings', $settings);
    return;
}

sub use_new_credential
{
    my ($self) = @_;
    my (undef, $mapping) = $self->new_credentials;
    $self->value("ALTER USER MAPPING FOR PUBLIC SERVER $self->{server} OPTIONS (" . options('SET ', %$mapping) . ')');
    $self->activate;
    return;
}

sub options
{
    my ($verb, %options) = @_;
    return join ', ', map { "$verb$_ '$options{$_}'" } sort keys %options;
}

# --- the database's side -------------------------------------------------------------------------------------------------------------

sub value
{
    my ($self, $statement) = @_;
    return decode('UTF-8', $self->{node}->safe_psql($self->{database}, encode('UTF-8', $statement)));
}

# The statement's error, '' where it has none.
sub error_of
{
    my ($self, $statement) = @_;
    my ($status, undef, $errors) = $self->{node}->psql($self->{database}, encode('UTF-8', $statement));
    return $status == 0 ? '' : $errors;
}

sub json
{
    my ($self, $query) = @_;
    my $text = $self->value("SELECT coalesce(jsonb_agg(to_jsonb(q)), '[]') FROM ($query) q");
    return @{ JSON::PP->new->decode($text) };
}

sub orders
{
    my ($self, @orders) = @_;
    return $self->json("SELECT * FROM cmms.work_order WHERE common_work_order_id = ANY ('{" . join(',', @orders) . "}')");
}

sub order { return (orders(@_))[0]; }

sub health
{
    my ($self) = @_;
    my ($row) = $self->json("SELECT * FROM cmms.sync_health WHERE provider_id = '$self->{server}'");
    return $row;
}

# Inserts so many orders; their ids.
sub insert
{
    my ($self, $count, $title) = @_;
    my %columns = (description => q('from a scenario'), priority => q('high'), $self->order_columns);
    my @names = sort keys %columns;
    return split /\n/, $self->value(
        "INSERT INTO cmms.work_order (provider_id, title, " . join(', ', @names) . ')'
          . " SELECT '$self->{server}', '$title ' || n, " . join(', ', @columns{@names}) . " FROM generate_series(1, $count) n"
          . ' RETURNING common_work_order_id');
}

sub idle
{
    my ($self) = @_;
    die "the worker was not done within 60 s\n" unless is_idle($self->{node}, $self->{database});
    return;
}

sub poll
{
    my ($self) = @_;
    $self->value("SELECT cmms.poll_now('$self->{server}')");
    $self->idle;
    return;
}

# Everything that waits has been sent, and the ids are known.
sub settle
{
    my ($self) = @_;
    $self->idle;
    $self->learn_ids;
    return;
}

# Hands in what the provider sent, as a gateway does, in one transaction; the outcomes.
sub webhook_headers { return '{}'; }

sub ingest
{
    my ($self, @documents) = @_;
    my @calls = map { "SELECT outcome FROM cmms.ingest_webhook('$self->{server}', convert_to(\$document\$$_\$document\$, 'UTF8'), '@{[ $self->webhook_headers ]}');" } @documents;
    return split /\n/, $self->value(join "\n", 'BEGIN;', @calls, 'COMMIT;');
}

# --- the provider's side -------------------------------------------------------------------------------------------------------------

sub records { return @{ $_[0]->simulator->control('GET', 'orders') }; }

sub record
{
    my ($self, $number) = @_;
    my ($found) = grep { $_->{id} eq $number } $self->records;
    return $found;
}

# So many records, a few of them in each second of a time long ago.
sub create_there
{
    my ($self, $count, $title) = @_;
    $self->simulator->answer('POST', 'orders/create',
        { orders => [ $self->new_there($title) ], count => $count, $self->time_member => '2026-01-01T00:00:00Z', step_seconds => 0.02 });
    return;
}

# What a user of the provider does there.
sub change_there
{
    my ($self, $number, %ours) = @_;
    $self->simulator->change(ids => [$number], $self->changes(%ours));
    return;
}

# The webhooks that it sends because of what happens to a record.
sub webhooks_about
{
    my ($self, undef, $action) = @_;
    my $before = () = $self->webhooks;
    $action->();
    my @sent = $self->webhooks;
    return @sent[ $before .. $#sent ];
}

# All its records as a table of documents, for comparing many.
sub keep_records
{
    my ($self, $table) = @_;
    my $file = PostgreSQL::Test::Utils::tempdir() . '/records.json';
    append_to_file($file, $self->simulator->answer('GET', 'orders'));
    $self->value("CREATE TABLE $table AS SELECT d AS document FROM jsonb_array_elements(pg_read_file('$file')::jsonb) d");
    return;
}

# Requests that changed something there.
sub writes { return scalar $_[0]->simulator->ledger(written => 'true'); }

1;
