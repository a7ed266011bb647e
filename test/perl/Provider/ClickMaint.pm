# Click Maint: a REST API with ids in its answers, updates of every field, and no webhooks.
package Provider::ClickMaint;

use strict;
use warnings;

use JSON::PP ();
use parent 'Provider';

# The statuses of the simulated account; each is written by its number.
my %status = (
    requested   => [ 3,  'Open' ],
    in_progress => [ 1,  'In Progress' ],
    on_hold     => [ 5,  'On Hold' ],
    completed   => [ 8,  'Completed' ],
    closed      => [ 13, 'Closed' ],
);

sub title           { return 'Click Maint'; }
sub type            { return 'clickmaint'; }
sub server_options  { return (entity_id => 12, page_size => 100); }
sub credentials     { return (api_key => 'test-key'); }
sub new_credentials { return ({ api_key => 'rotated-key' }, { api_key => 'rotated-key' }); }
sub title_member    { return 'title'; }
sub create_request  { return { method => 'POST', path => 'work_orders$' }; }
sub order_columns   { return (asset_ref => q('45')); }

sub preparations
{
    my ($self) = @_;
    return map { "SELECT cmms.map_value('$self->{server}', 'status', '$_', '$status{$_}[0]', direction => 'outbound')" } sort keys %status;
}

sub shown
{
    my ($self, $record) = @_;
    return {
        title     => $record->{title},
        priority  => $record->{priority},
        asset_ref => $record->{asset} && $record->{asset}{id},
    };
}

sub status_there { my ($self, $record) = @_; return $record->{status}{name}; }
sub new_there    { my ($self, $title) = @_;  return { title => $title }; }

sub changes
{
    my ($self, %ours) = @_;
    $ours{status} = $status{ $ours{status} }[1] if exists $ours{status};
    return (set => \%ours);
}

sub walk { return map { [ $_ => $status{$_}[1], 1 ] } qw(in_progress on_hold in_progress completed closed in_progress); }

# Its document knows no webhooks; a gateway that knows of a change may hand in the order as the API shows it.
sub webhook_remark { return 'from a gateway: it sends none'; }

sub webhooks_about
{
    my ($self, $number, $action) = @_;
    $action->();
    return JSON::PP->new->encode({ data => $self->record($number) });
}

1;
