# The restore guard: a copy of a database, by a dump or as a template, sends nothing until it is armed; its original goes on.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider insert_orders is_idle wait_until worker_pid);

my $node = new_node('restore');
my $simulator = start_simulator();
sub requests { return $simulator->summary->{requests}; }

$node->safe_psql('postgres', 'CREATE DATABASE original');
$node->safe_psql('original', 'CREATE EXTENSION pg_cmms');
connect_provider($node, 'original', 'plant_a', $simulator);
ok(is_idle($node, 'original'), 'the original is idle');
$simulator->fault({ match => { method => 'POST' }, count => 1000, action => 'status', status => 503 });
insert_orders($node, 'original', 'plant_a', 3, 'Waiting');
wait_until('an attempt', sub { ($simulator->summary->{by_status}{503} // 0) > 0 });
# From here on only copies could send.
$node->safe_psql('original', "SELECT cmms.pause_provider('plant_a')");
ok(is_idle($node, 'original'), 'the original is paused');
$node->safe_psql('original', "UPDATE cmms.provider SET paused_at = NULL, paused_by = NULL; UPDATE cmms.provider SET active = false");
$simulator->clear_faults;
my $before = requests();

# A type of the DBA's own, whose row a later version might refuse, and a server of it.
my $later = 'BEGIN; SET LOCAL check_function_bodies = off; SET LOCAL row_security = off;';
my $descriptor = '{"type": "acme", "name": "Acme", "later": {}, "options": {"site": {}}, "resources": {"work_order": {"id": "$.id"}}}';
$node->safe_psql('original', qq{INSERT INTO cmms.provider_type (provider_type, descriptor) VALUES ('acme', '$descriptor'::jsonb - 'later');
  CREATE SERVER acme FOREIGN DATA WRAPPER cmms OPTIONS (type 'acme', base_url 'http://127.0.0.1:9', site '1');
  $later UPDATE cmms.provider_type SET descriptor = '$descriptor' WHERE provider_type = 'acme'; COMMIT});

my $dump = PostgreSQL::Test::Utils::tempdir() . '/original.sql';
$node->command_ok([ 'pg_dump', '--dbname', $node->connstr('original'), '--file', $dump ], 'dumped');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
# In two parts, so that the worker is there before the rest of the dump comes.
my ($first, $rest) = slurp_file($dump) =~ /^(.*?CREATE EXTENSION [^;]*pg_cmms.*?;\n)(.*)$/s;
my ($settings) = $first =~ /^(.*?)^-- Name:/sm;
append_to_file("$dump.first", $first);
append_to_file("$dump.rest",  $settings . $rest);
my @restore = ('psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f');
$node->command_ok([ @restore, "$dump.first" ], 'the extension is restored');
worker_pid($node, 'restored');
wait_until('the worker to see that this is a copy', sub { slurp_file($node->logfile) =~ /sends nothing from this database/ });
is($node->safe_psql('restored', q{SELECT count(*) FROM pg_inherits WHERE inhparent = 'cmms.event'::regclass}), '1', 'it makes no partitions there');
$node->command_ok([ @restore, "$dump.rest" ], 'restored');
my ($status, $output, $errors) = $node->psql('restored', "SELECT cmms.provider_setting('acme', 'site')");
like($errors, qr/invalid descriptor at \$\.later: unknown member/, 'a descriptor that is not valid any more says so when it is used');
$node->safe_psql('restored', "UPDATE cmms.provider_type SET descriptor = descriptor - 'later' WHERE provider_type = 'acme'");
is($node->safe_psql('restored', "SELECT cmms.provider_setting('acme', 'site')"), '1', 'and works once it is corrected');
$node->safe_psql('postgres', 'CREATE DATABASE copied TEMPLATE original');
$node->safe_psql('postgres', 'ALTER DATABASE original RENAME TO renamed');
is($node->safe_psql('renamed', 'SELECT cmms.is_armed()'), 't', 'a renamed database stays armed');

# A restart, so that the launcher looks for databases at once.
my $log_size = -s $node->logfile;
my $copies = 0;
$node->restart;
for my $copy ('restored', 'copied')
{
    worker_pid($node, $copy);
    my ($status, $output, $errors) = $node->psql($copy, "SELECT cmms.activate('plant_a'); SELECT cmms.poll_now('plant_a')");
    like($errors, qr/not armed/, "$copy: activation says that nothing is sent");
    ($status, $output, $errors) = $node->psql($copy, "SELECT cmms.wait_until_idle('10 s')");
    like($errors, qr/not armed.*cmms\.arm\(\)/s, "$copy: and so does who waits for it");
    is($node->safe_psql($copy, 'SELECT bool_or(armed) FROM cmms.sync_health'), 'f', "$copy: the view shows it");
    insert_orders($node, $copy, 'plant_a', 1, 'New');
    is($node->safe_psql($copy, 'SELECT count(*) FROM cmms.outbox'), '4', "$copy: changes are queued");
    # The worker has heard of all that once it has said so.
    $copies++;
    wait_until('the worker', sub { (() = slurp_file($node->logfile, $log_size) =~ /sends nothing from this database/g) >= $copies });
}
is(requests(), $before, 'nothing has left either copy');

$node->safe_psql('restored', 'SELECT cmms.arm()');
ok(is_idle($node, 'restored'), 'armed, the copy works');
is($node->safe_psql('restored', "SELECT count(*) FROM cmms.work_order WHERE sync_state = 'synchronized'"), '4', 'and sends what waited');
is($simulator->summary->{creates}, 4, 'only that one');

done_testing();
