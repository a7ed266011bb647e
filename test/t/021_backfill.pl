# The first import of everything: through kill -9 of the worker and of the server, while records change behind it. Every record
# arrives once, in its latest version; progress can be followed; memory does not grow with what was read.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider worker_pid is_idle wait_until);

my $records   = 10_000;
my $page_size = 100;
my $node      = new_node('backfill');
my $db        = 'postgres';
$node->safe_psql($db, 'CREATE EXTENSION pg_cmms');

# Click Maint's document does not name the members of meta.pagination: this account's are known.
$node->safe_psql($db,
    q{UPDATE cmms.provider_type SET descriptor = jsonb_set(descriptor, '{resources,work_order,list,total}', '["$.meta.pagination.total_count"]')
      WHERE provider_type = 'clickmaint'});

# What differs from provider to provider: how it is connected, an order of it, and the member that becomes the title.
my %clickmaint = (
    provider  => 'clickmaint',
    title     => 'title',
    order     => { title => 'Freezer', status => 'Open', description => 'from a test' },
    connect   => sub { connect_provider($node, $db, 'clickmaint', shift, options => ["page_size '$page_size'"]) },
    list_path => 'work_orders',
);
my %sap_pm = (
    provider  => 'sap_pm',
    title     => 'MaintenanceOrderDesc',
    order     => { MaintenanceOrderDesc => 'Freezer' },
    connect   => \&connect_sap_pm,
    list_path => 'MaintenanceOrder$',
    options   => [ '--sap-client', 100 ],
);

sub connect_sap_pm
{
    my ($simulator) = @_;
    my $url = $simulator->url;
    $node->safe_psql(
        $db, qq{
        CREATE SERVER sap_pm FOREIGN DATA WRAPPER cmms OPTIONS (type 'sap_pm', base_url '$url', sap_client '100', order_type 'PM01',
            planning_plant '1010', page_size '$page_size');
        CREATE USER MAPPING FOR PUBLIC SERVER sap_pm OPTIONS (username 'CMMS_TEST', password 'test-password');
        SELECT cmms.activate('sap_pm', mode => 'write_back', poll_interval => '1 hour', import_since => '2020-01-01');});
    return;
}

# Columns of the provider's row in cmms.backfill_progress; undef while the server is down.
sub progress
{
    my ($provider, $columns) = @_;
    my ($status, $output) = $node->psql($db, "SELECT $columns FROM cmms.backfill_progress WHERE provider_id = '$provider'");
    return $status == 0 && $output ne '' ? $output : undef;
}

sub records_read { return progress($_[0], 'records_read') // 0 }

sub wait_for_records
{
    my ($provider, $count) = @_;
    return wait_until("$count records", sub { records_read($provider) >= $count });
}

sub private_kilobytes
{
    my ($pid) = @_;
    open my $status, '<', "/proc/$pid/status" or return 0;
    my ($kilobytes) = map { /^RssAnon:\s+(\d+)/ ? $1 : () } <$status>;
    return $kilobytes // 0;
}

sub kill_worker
{
    my $pid = worker_pid($node, $db);
    kill 'KILL', $pid;
    wait_until('the worker to be gone', sub { !kill 0, $pid });
    return;
}

sub kill_server
{
    my $pid = worker_pid($node, $db);
    $node->kill9;
    wait_until('the worker to be gone', sub { !kill 0, $pid });
    wait_until('the server to start again', sub { $node->start(fail_ok => 1) });
    return;
}

# Titles by id, there and here.
sub is_mirrored
{
    my ($is, $simulator, $what) = @_;
    my %there = map { $_->{id} => $_->{ $is->{title} } } @{ $simulator->control('GET', 'orders') };
    my @here = map { [ split /\|/ ] } split /\n/,
      $node->safe_psql($db, "SELECT source_work_order_id, title FROM cmms.work_order WHERE provider_id = '$is->{provider}'");
    is(scalar @here, $records, "$what: every order once");
    is(scalar(grep { ($there{ $_->[0] } // '') ne $_->[1] } @here), 0, "$what: each in its latest version");
    return;
}

sub backfill_survives
{
    my ($is) = @_;
    my $provider  = $is->{provider};
    my $simulator = start_simulator(provider => $provider, options => $is->{options} // []);
    $simulator->create(orders => [ $is->{order} ], count => $records, updated_at => '2026-01-01T00:00:00Z', step_seconds => 1);
    $simulator->fault({ match => { method => 'GET', path => $is->{list_path} }, action => 'latency', latency_ms => 20 });
    $is->{connect}->($simulator);

    wait_for_records($provider, $records / 10);
    is(progress($provider, 'state, total_records, percent < 100, estimated_end_at > now()'),
        "running|$records|t|t", "$provider: it is seen running, with its end in sight");
    kill_worker();
    wait_for_records($provider, $records / 2);
    my $before = $node->safe_psql($db, "SELECT count(*) FROM cmms.work_order WHERE provider_id = '$provider'");
    cmp_ok($before, '<', $records, "$provider: the changes come in the middle");
    # Of those that were read already and of those that were not, all in one moment.
    my %change = (set => { $is->{title} => 'Changed meanwhile' }, count => 250, updated_at => '2026-06-01T00:00:00Z');
    $simulator->change(%change, offset => $records / 10);
    $simulator->change(%change, offset => $records - 500);
    kill_server();
    is($node->safe_psql($db, "SELECT count(*) >= $before FROM cmms.work_order WHERE provider_id = '$provider'"), 't', "$provider: what was committed is there after the kill");
    cmp_ok(records_read($provider), '>=', $before, "$provider: and counted");

    my $worker = worker_pid($node, $db);
    wait_for_records($provider, records_read($provider) + 2 * $page_size);
    my ($start, $peak, @seen) = (private_kilobytes($worker), 0);
    wait_until(
        'the backfill to be complete',
        sub {
            my $kilobytes = private_kilobytes($worker);
            $peak = $kilobytes if $kilobytes > $peak;
            push @seen, records_read($provider);
            return (progress($provider, 'state') // '') eq 'complete';
        });
    cmp_ok($seen[0], '<', $seen[-1], "$provider: it was seen advancing");
    is(scalar(grep { $seen[$_] < $seen[ $_ - 1 ] } 1 .. $#seen), 0, "$provider: and never went back");
    cmp_ok($peak - $start, '<', 8 * 1024, "$provider: the worker's memory stays flat");
    is(progress($provider, 'percent, completed_at IS NOT NULL, records_per_second > 0'), '100|t|t', "$provider: complete");
    cmp_ok(records_read($provider), '>=', $records, "$provider: every record was counted");
    is_mirrored($is, $simulator, $provider);

    # Everything again.
    $simulator->clear_faults;
    my $started = progress($provider, 'started_at');
    my $version = $node->safe_psql($db, "SELECT max(updated_at) FROM cmms.work_order WHERE provider_id = '$provider'");
    $node->safe_psql($db, "UPDATE cmms.poll_cursor SET cursor = NULL WHERE provider_id = '$provider'; SELECT cmms.poll_now('$provider')");
    ok(is_idle($node, $db), "$provider: idle after the second import");
    is(progress($provider, "state, started_at > '$started', records_read BETWEEN $records AND $records + 1000"),
        'complete|t|t', "$provider: taking the cursor away starts another backfill");
    is($node->safe_psql($db, "SELECT max(updated_at) FROM cmms.work_order WHERE provider_id = '$provider'"), $version, "$provider: which changes nothing");
    is($node->safe_psql($db, "SELECT count(*) FROM cmms.event WHERE event_type = 'work_order.created' AND provider_id = '$provider'"), $records, "$provider: nor is anything new to it");
    return;
}

backfill_survives($_) for \%clickmaint, \%sap_pm;

done_testing();
