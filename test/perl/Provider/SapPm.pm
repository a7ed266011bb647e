# SAP PM: OData with CSRF tokens, a notification that carries our reference, statuses that only functions change, and thin events.
package Provider::SapPm;

use strict;
use warnings;

use JSON::PP ();
use parent 'Provider';

# What the simulator's users call the statuses.
my %status = (completed => 'TECO', closed => 'CLSD', in_progress => 'REL');
my %priority = (1 => 'emergency', 2 => 'high', 3 => 'medium', 4 => 'low');

sub title             { return 'SAP PM'; }
sub type              { return 'sap_pm'; }
sub base_url          { return $_[0]->simulator->url; }
sub simulator_options { return ('--sap-client', 100); }
sub credentials       { return (username => 'CMMS_TEST', password => 'test-password'); }
sub new_credentials   { return ({ password => 'rotated-password' }, { password => 'rotated-password' }); }
sub title_member      { return 'MaintenanceOrderDesc'; }
sub create_request    { return { method => 'POST', path => '/MaintenanceOrder$' }; }
sub order_columns     { return (asset_ref => q('10000045')); }

sub server_options
{
    return (sap_client => 100, order_type => 'PM01', planning_plant => '1010', notification_type => 'M1');
}

# The notification's external reference has room for 20 characters: the first 100 bits of our id in base 32.
sub references_of
{
    my ($self, $order) = @_;
    my @digits = unpack '(A5)*', unpack 'B100', pack 'H*', $order =~ tr/-//dr;
    return ($order, join '', ('A' .. 'Z', 2 .. 7)[ map { oct "0b$_" } @digits ]);
}

sub shown
{
    my ($self, $record) = @_;
    return {
        title     => $record->{MaintenanceOrderDesc},
        priority  => $priority{ $record->{MaintPriority} // '' } // 'none',
        asset_ref => $record->{Equipment},
    };
}

sub status_there { my ($self, $record) = @_; return $record->{status}; }
sub new_there    { my ($self, $title) = @_;  return { MaintenanceOrderDesc => $title }; }

sub changes
{
    my ($self, %ours) = @_;
    return (
        exists $ours{title}  ? (set    => { MaintenanceOrderDesc => $ours{title} }) : (),
        exists $ours{status} ? (status => $status{ $ours{status} })                 : ());
}

# From "created" an order is released before it is completed, and from "closed" it is reopened in two steps.
sub walk
{
    return (
        [ completed   => 'TECO', 2 ],
        [ closed      => 'CLSD', 1 ],
        [ in_progress => 'REL',  2 ],
        [ completed   => 'TECO', 1 ],
        [ in_progress => 'REL',  1 ]);
}

# CloudEvents that name an order and nothing else.
sub webhook_remark { return 'read back'; }

sub webhooks
{
    my ($self) = @_;
    return map { JSON::PP->new->canonical->encode($_) } @{ $self->simulator->control('GET', 'events')->{events} };
}

1;
