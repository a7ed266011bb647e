# The schema of the version before: this library serves it, ALTER EXTENSION UPDATE takes it to its own while orders are written and
# sent, and there is a way back.
use strict;
use warnings;

use Cwd qw(abs_path);
use Digest::MD5 qw(md5_hex);
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider worker_pid open_session is_idle wait_until every_order_is_there_once);

my ($previous, $current) = ('1.0', '1.1');

# Of what catalog.sql prints of the released schema, but for its views, whose text depends on PostgreSQL's version.
my $previous_schema = {
    column          => 'd4b9dfec9f897e8a4e05285cc186b9fd',
    constraint      => 'f9d73c804a6490a97d3106f9569b2c2b',
    dumped          => 'b8250d48ec93000d57b8b9a7c4df2f6b',
    'event trigger' => '904f202502fea19f4710b3f78f639336',
    function        => 'a609b10414e01186460ff3f94e084b13',
    index           => '877d1ac7b2c82b7e615d71986e2fbabc',
    object          => 'cd6e31a7700ce116cc0add874949b4a2',
    policy          => '697fcf572689c4773e5867096382a3de',
    relation        => '3dc23bce862ba948f492773125055c22',
    row             => 'ffe5ceef77ac44133917c8fcc898af77',
    sequence        => 'd56ac8b0b53f39a937ad181442f73859',
    trigger         => 'b35de7c86becb74b6bfcb00a476db867',
    type            => '33cae9093e1fb7293eeb309d0d181a0b',
};

my $catalog = slurp_file(abs_path(dirname(__FILE__) . '/../update/catalog.sql'));
my $node    = new_node('update');

sub query { my ($db, $statement) = @_; return $node->safe_psql($db, $statement); }
sub said { my ($pattern, $from) = @_; return scalar(() = slurp_file($node->logfile, $from // 0) =~ /$pattern/g); }

sub version { return query($_[0], q(SELECT extversion FROM pg_extension WHERE extname = 'pg_cmms')); }

# Object by object. A database that was used has rows of its own.
sub schema_of
{
    my ($db, $without) = @_;
    return [ grep { !/^\["(?:$without)"/ } split /\n/, query($db, $catalog) ];
}

sub is_schema_of
{
    my ($db, $wanted, $what) = @_;
    my %wanted = map { $_ => 1 } @$wanted;
    my %found = map { $_ => 1 } @{ schema_of($db, 'row') };
    delete $wanted{$_} for grep { /^\["row"/ } keys %wanted;
    my @missing = grep { !$found{$_} } sort keys %wanted;
    my @foreign = grep { !$wanted{$_} } sort keys %found;
    is(scalar(@missing) + scalar(@foreign), 0, $what) || diag(join "\n", (map { "- $_" } @missing), (map { "+ $_" } @foreign));
    return;
}

# One digest for each kind of object, so that a difference says where it is.
sub digests
{
    my ($schema) = @_;
    my %lines;
    push @{ $lines{ /^\["([^"]+)"/ ? $1 : '?' } }, $_ for @$schema;
    return { map { $_ => md5_hex(join "\n", @{ $lines{$_} }) } keys %lines };
}

# Databases that nobody has used: fresh, and updated.
query('postgres', "CREATE DATABASE $_") for qw(fresh older);
query('fresh', 'CREATE EXTENSION pg_cmms');
is(version('fresh'), $current, "CREATE EXTENSION makes the schema of $current");
query('older', "CREATE EXTENSION pg_cmms VERSION '$previous'");
is(version('older'), $previous, "or, if asked to, of $previous");
is_deeply(digests(schema_of('older', 'view')), $previous_schema, 'which is the one that was released');
my $older_schema = schema_of('older', '');
query('older', 'ALTER EXTENSION pg_cmms UPDATE');
is(version('older'), $current, 'UPDATE without a version leads to the library\'s own');
is(join("\n", @{ schema_of('older', '') }), join("\n", @{ schema_of('fresh', '') }), 'an updated schema is that of a fresh installation');

# A database in use, made by the version before.
my $db = 'postgres';
query($db, "CREATE EXTENSION pg_cmms VERSION '$previous'");
worker_pid($node, $db);
my $simulator = start_simulator();
connect_provider($node, $db, 'plant', $simulator);
$simulator->fault({ match => { method => 'POST' }, action => 'latency', latency_ms => 20 });
query($db, q{
    CREATE TABLE ticket (ticket_id bigint PRIMARY KEY, subject text);
    CREATE TABLE told_to_stop ();
    SELECT cmms.set_row_mapping('plant', 'ticket', '{"title": "subject"}');
    CREATE TRIGGER sync AFTER INSERT OR UPDATE OR DELETE ON ticket FOR EACH ROW EXECUTE FUNCTION cmms.sync_row('plant', 'ticket');
    INSERT INTO cmms.provider_type (provider_type, descriptor)
      SELECT 'own', jsonb_set(descriptor, '{type}', '"own"') FROM cmms.provider_type WHERE provider_type = 'custom';
    -- An application: orders, changes of them and rows of its own table, a commit for each; until it is told to stop where last is null.
    CREATE PROCEDURE work(first integer, last integer) LANGUAGE plpgsql AS $$
    DECLARE
      n integer := first;
      made uuid;
    BEGIN
      WHILE n <= coalesce(last, n) AND NOT EXISTS (SELECT FROM told_to_stop) LOOP
        INSERT INTO cmms.work_order (provider_id, title) VALUES ('plant', 'Order ' || n) RETURNING common_work_order_id INTO made;
        COMMIT;
        INSERT INTO ticket VALUES (n, 'Ticket ' || n);
        COMMIT;
        UPDATE cmms.work_order SET description = 'changed' WHERE common_work_order_id = made;
        COMMIT;
        n := n + 1;
      END LOOP;
    END
    $$;});
ok(is_idle($node, $db), 'the provider is connected');

sub tickets { return query($db, 'SELECT count(*) FROM ticket'); }

# Each ticket came with an order, and became one.
sub all_is_sent_once
{
    my ($what) = @_;
    ok(is_idle($node, $db), "$what: all is sent");
    every_order_is_there_once($node, $db, 'plant', $simulator, 2 * tickets(), $what);
    return;
}

# Orders out and news in.
sub everything_works
{
    my ($what) = @_;
    my $already = tickets();
    query($db, "CALL work($already + 1, $already + 20)");
    all_is_sent_once($what);
    my $id = query($db, "SELECT source_work_order_id FROM cmms.work_order WHERE title = 'Order ' || ($already + 1)");
    $simulator->change(ids => [$id], set => { title => "News of $what" });
    query($db, q(SELECT cmms.poll_now('plant')));
    ok($node->poll_query_until($db, "SELECT count(*) = 1 FROM cmms.work_order WHERE title = 'News of $what'"), "$what: and news arrive");
    is(query($db, q(SELECT string_agg(DISTINCT outcome, ' ') FROM cmms.import_records('plant', '[{"id": 990001, "title": "A", "status": {"name": "Open"}}, {"id": 990002, "title": "B", "status": {"name": "Open"}}]'))),
        'created', "$what: documents are imported");
    query($db, q(DELETE FROM cmms.work_order WHERE source_work_order_id IN ('990001', '990002')));
    return;
}

# Goes to another version while an application writes, which it goes on to do, and requests are under way.
sub goes_to
{
    my ($version, $statement) = @_;
    my $already = tickets();
    my $application = open_session($node, $db);
    $application->start("CALL work($already + 1, NULL)");
    wait_until('orders before', sub { tickets() > $already + 30 });
    query($db, $statement);
    is(version($db), $version, "$statement while orders are written and sent");
    my $by_then = tickets();
    wait_until('orders after', sub { tickets() > $by_then + 30 });
    query($db, 'INSERT INTO told_to_stop DEFAULT VALUES');
    $application->result;
    $application->close;
    query($db, 'TRUNCATE told_to_stop');
    all_is_sent_once("to $version");
    return;
}

my $hint = qr/serves this database with version \Q$previous\E of its schema; its library is of version \Q$current\E\n.*HINT:  Run ALTER EXTENSION pg_cmms UPDATE/;
everything_works($previous);
cmp_ok(said($hint), '>=', 1, 'the log says that there is an update');
goes_to($current, 'ALTER EXTENSION pg_cmms UPDATE');
is_schema_of($db, schema_of('fresh', ''), 'the schema is that of a fresh installation');
is(query($db, q(SELECT count(*) FROM cmms.provider_type WHERE provider_type = 'own')), 1, 'what the DBA made is there');
everything_works($current);

my $position = -s $node->logfile;
goes_to($previous, "ALTER EXTENSION pg_cmms UPDATE TO '$previous'");
is_schema_of($db, $older_schema, 'the schema is that of the version before');
wait_until('the log to say it', sub { said($hint, $position) });
everything_works("$previous again");
query($db, 'ALTER EXTENSION pg_cmms UPDATE');
everything_works("$current again");
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no process has crashed');

done_testing();
