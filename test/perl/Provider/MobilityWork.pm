# Mobility Work: tasks that are created without an answer, never updated by the API, searched, and told about by webhooks.
package Provider::MobilityWork;

use strict;
use warnings;

use parent 'Provider';

# Nothing is signed: the URL that webhooks are sent to ends in it.
my $path_secret = '3fKq9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

my $refusal = qr/update/;
my %cannot = (
    update      => [ 'no update endpoint', $refusal ],
    status_walk => [ 'no update endpoint', $refusal ],
    conflict    => [ 'nothing of ours overwrites theirs: no update endpoint', $refusal ],
);

sub title           { return 'Mobility Work'; }
sub type            { return 'mobility_work'; }
sub base_url        { return $_[0]->simulator->url; }
sub credentials     { return (api_key => '913a8f7cef6ff084f1635511b9c7d07c3bab2816', webhook_secret => $path_secret); }
sub new_credentials { return ({ api_key => 'rotated-key' }, { api_key => 'rotated-key' }); }
sub title_member    { return 'description'; }
sub time_member     { return 'created_at'; }
sub create_request  { return { method => 'POST', path => '/tasks$' }; }
sub order_columns   { return (asset_ref => q('EQ-0009'), assignees => q(ARRAY['john.doe@example.com'])); }
sub cannot          { my ($self, $scenario) = @_; return @{ $cannot{$scenario} // [] }; }

# The answer to a create is empty: our key in the task's metadata comes back in a webhook, or in the search.
sub tells_no_id      { return 1; }
sub hide_new_records { return $_[0]->simulator->control('POST', 'settings', { search_delay => 3600 }); }
sub learn_ids        { return $_[0]->poll; }

sub shown
{
    my ($self, $record) = @_;
    my ($title) = split /\n/, $record->{description};
    return { title => $title, asset_ref => $record->{associatedTo} && $record->{associatedTo}{itemCode} };
}

sub status_there { my ($self, $record) = @_; return $record->{taskState}; }
sub new_there    { my ($self, $title) = @_;  return { description => $title, equipment => { type => 'external', value => 'EQ-0009' } }; }

sub changes
{
    my ($self, %ours) = @_;
    my %set = (
        exists $ours{title}  ? (description => $ours{title})  : (),
        exists $ours{status} ? (state       => $ours{status}) : ());
    return (set => \%set);
}

sub server_options  { return (); }
sub webhook_headers { return qq({"x-webhook-path": "/hooks/shop/$path_secret"}); }

sub webhooks { return map { $_->{body} } @{ $_[0]->simulator->control('GET', 'webhooks') }; }

1;
