# One of several copies of a server sends: a standby is quiet until it is promoted, and a copy of the data directory until it is armed.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider worker_pid insert_orders is_idle wait_until every_order_is_there_once);

my $node      = new_node('primary', 'wal_level = replica', 'max_wal_senders = 5', 'hot_standby = on');
my $simulator = start_simulator();

sub synchronized
{
    my ($server, $database, $what) = @_;
    return ok($server->poll_query_until($database, q{SELECT bool_and(sync_state = 'synchronized') FROM cmms.work_order}), $what);
}

sub workers { return $_[0]->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg_cmms%'}); }

# A server from a backup; as a standby if wanted.
sub copy_of
{
    my ($name, $backup, %how) = @_;
    my $copy = PostgreSQL::Test::Cluster->new($name);
    $copy->init_from_backup($node, $backup, %how);
    $copy->start;
    return $copy;
}

sub said { my ($server, $pattern) = @_; return slurp_file($server->logfile) =~ $pattern; }

# The worker has looked at the database: it says so.
sub stays_quiet
{
    my ($server, $database) = @_;
    worker_pid($server, $database);
    wait_until('the worker to see that this is a copy', sub { said($server, qr/sends nothing from this database/) });
    insert_orders($server, $database, 'plant_a', 1, 'In the copy');
    my ($status, $output, $errors) = $server->psql($database, "SELECT cmms.wait_until_idle('10 s')");
    like($errors, qr/not armed.*cmms\.arm\(\)/s, 'who waits for a copy hears that it is not armed');
    is($server->safe_psql($database, 'SELECT bool_or(armed) FROM cmms.sync_health'), 'f', 'and the view shows it');
    return;
}

for my $database ('one', 'two')
{
    $node->safe_psql('postgres', "CREATE DATABASE $database");
    $node->safe_psql($database, 'CREATE EXTENSION pg_cmms');
    connect_provider($node, $database, 'plant_a', $simulator, import_since => '2100-01-01');
}
insert_orders($node, 'one', 'plant_a', 3);
synchronized($node, 'one', 'the original sends');

# A standby. What waits here when the original ends is sent by it.
$node->backup('base');
my $standby = copy_of('standby', 'base', has_streaming => 1);
$node->wait_for_catchup($standby);
is(workers($standby), '0', 'a standby has no process of pg_cmms');
is($standby->safe_psql('one', 'SELECT count(*) FROM cmms.sync_health WHERE armed'), '1', 'its views can be read');
for my $case (
    [ 'a change', q{INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant_a', 'No')}, qr/cannot execute INSERT in a read-only transaction/ ],
    [ 'a webhook', q{SELECT cmms.ingest_webhook('plant_a', '\x7b7d', '{}')}, qr/cannot execute .* in a read-only transaction/ ],
    [ 'cmms.poll_now', q{SELECT cmms.poll_now('plant_a')}, qr/cannot execute .* in a read-only transaction/ ],
    [ 'cmms.arm', q{SELECT cmms.remember_database()}, qr/cannot execute .* in a read-only transaction/ ])
{
    my ($what, $statement, $pattern) = @$case;
    my ($status, $output, $errors) = $standby->psql('one', $statement);
    like($errors, $pattern, "$what is refused on a standby");
}
$simulator->fault({ match => { method => 'POST' }, action => 'status', status => 503 });
insert_orders($node, 'one', 'plant_a', 4, 'Waiting');
$node->poll_query_until('one', 'SELECT count(*) = 1 FROM cmms.provider_state WHERE consecutive_failures > 0');
$node->wait_for_catchup($standby);
my ($status, $output, $errors) = $standby->psql('one', "SELECT cmms.wait_until_idle('5 s')");
like($errors, qr/no sync worker can run on this server.*in recovery.*Ask the primary server/s, 'cmms.wait_until_idle says that it has to be asked of the primary');
is(workers($standby), '0', 'it is quiet all the time');

# Copies of the data directory, taken while all this waits: one that is a server of its own, one that is recovered from an archive.
$node->backup('later');
$node->stop('immediate');
$simulator->clear_faults;
my $requests = $simulator->summary->{requests};
my $clone    = copy_of('clone', 'later');
ok(said($clone, qr/this data directory is a copy: pg_cmms sends nothing.*cmms\.arm\(\)/s), 'a copy of the data directory knows at its start that it is one');
stays_quiet($clone, 'one');
$clone->restart;
is($clone->safe_psql('one', 'SELECT cmms.is_armed()'), 'f', 'and after a restart');
my $recovered = copy_of('recovered', 'later', has_restoring => 1, standby => 0);
$recovered->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
isnt($recovered->safe_psql('postgres', 'SELECT timeline_id FROM pg_control_checkpoint()'),
    $clone->safe_psql('postgres', 'SELECT timeline_id FROM pg_control_checkpoint()'), 'a recovered copy is on a timeline of its own');
stays_quiet($recovered, 'one');
is($simulator->summary->{requests}, $requests, 'nothing has left the copies');

# Promotion, a restart, a moved data directory: it goes on.
$standby->promote;
synchronized($standby, 'one', 'promoted, the standby sends what was waiting');
every_order_is_there_once($standby, 'one', 'plant_a', $simulator, 7, 'promoted');
$standby->stop;
my $directory = $standby->data_dir;
rename $directory, "$directory-moved" or die "rename: $!";
symlink "$directory-moved", $directory or die "symlink: $!";
$standby->start;
insert_orders($standby, 'one', 'plant_a', 1, 'Moved');
synchronized($standby, 'one', 'after its directory was moved, too');
$standby->stop;

# Armed, a copy sends: in the database where that was said.
$clone->safe_psql('two', 'SELECT cmms.arm()');
my $creates = $simulator->summary->{creates};
insert_orders($clone, 'two', 'plant_a', 2, 'Armed');
synchronized($clone, 'two', 'the armed copy sends');
is($simulator->summary->{creates}, $creates + 2, 'what is its own');
is($clone->safe_psql('one', 'SELECT cmms.is_armed()'), 'f', 'the other database of it is not armed by that');
$clone->restart;
insert_orders($clone, 'two', 'plant_a', 1, 'Later');
synchronized($clone, 'two', 'it stays armed over a restart');
$clone->safe_psql('one', 'DROP EXTENSION pg_cmms CASCADE');
$clone->safe_psql('one', 'CREATE EXTENSION pg_cmms');
is($clone->safe_psql('one', 'SELECT cmms.is_armed()'), 't', 'an extension that is created in a copy is armed');

done_testing();
