# The documentation as it is printed: the SQL of a page runs from top to bottom in one session on a fresh database, and where a
# page shows a result (a block of text right after one of SQL), that is what comes out.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Cmms qw(new_node start_simulator connect_provider);
use CmmsPage qw(page_names blocks_of squeezed);

my $simulator = start_simulator();
my $node      = new_node('documentation');
my $key_file  = PostgreSQL::Test::Utils::tempdir() . '/plant_a.key';
append_to_file($key_file, "test-key\n");
chmod 0600, $key_file;

# What stands for something outside of the examples.
my %stands_for = (
    'https://app.clickmaint.com/api/v1' => $simulator->api,
    '/etc/pg_cmms/plant_a.key'          => $key_file,
    'https://cmms.example.com/api'      => 'http://127.0.0.1:9/api',             # nobody listens there
    'https://s4.example.com'            => 'http://127.0.0.1:9',
    'https://api.mobility-work.com'     => 'http://127.0.0.1:9',
    'cmms.wait_until_idle()'            => q{cmms.wait_until_idle('1 s')},     # so what is sent there stays
);

# One session for the whole page; the output is cut where each block begins.
sub run_blocks
{
    my ($database, @blocks) = @_;
    my $script = "\\set ON_ERROR_STOP 1\n\\pset footer off\n";
    for my $number (0 .. $#blocks)
    {
        my $sql = $blocks[$number]{sql};
        for my $name (keys %stands_for) { $sql =~ s/\Q$name\E/$stands_for{$name}/g; }
        $script .= "\\echo \@\@ $number\n$sql\n";
    }
    my ($output, $errors) = ('', '');
    IPC::Run::run([ 'psql', '-X', '-q', '-P', 'pager=off', '-d', $node->connstr($database) ],
        '<', \$script, '>', \$output, '2>', \$errors, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
    my %output = $output =~ /^@@ (\d+)\n(.*?)(?=^@@ |\z)/msg;
    return (\%output, $errors);
}

# A page that makes no server of its own speaks of those of the others: plant_a, which is connected, and rela, which is mapped.
sub prepare
{
    my ($database) = @_;
    connect_provider($node, $database, 'plant_a', $simulator);
    $node->safe_psql(
        $database, q(
        CREATE SERVER rela FOREIGN DATA WRAPPER cmms OPTIONS (type 'custom', base_url 'https://rela.example.com/api');
        SELECT FROM cmms.set_field_mapping('rela', '{"work_order": {"id": "AUFNR", "title": "KTEXT", "status": "STAT", "asset_id": "EQUNR"}}')));
    return;
}

sub check_page
{
    my ($page, @blocks) = @_;
    my $database = 'page_' . $page =~ s/\W/_/gr;
    $node->safe_psql('postgres', "CREATE DATABASE $database");
    $node->safe_psql($database, 'CREATE EXTENSION pg_cmms');
    prepare($database) unless grep { $_->{sql} =~ /^CREATE SERVER /m } @blocks;
    my ($output, $errors) = run_blocks($database, @blocks);
    for my $number (0 .. $#blocks)
    {
        my $block = $blocks[$number];
        my $name  = "$page.md, line $block->{line}";
        # The next block was reached, or nothing was said: this one is through.
        my $is_through = exists $output->{ $number + 1 } || $number == $#blocks && $errors !~ /ERROR:/;
        ok($is_through, "$name: runs");
        if (!$is_through) { diag($errors); last; }
        is(squeezed($output->{$number}), squeezed($block->{shown}), "$name: gives what is shown") if defined $block->{shown};
    }
    $node->safe_psql('postgres', "DROP DATABASE $database WITH (FORCE)");
    return;
}

my $checked = 0;
for my $page (page_names())
{
    my @blocks = blocks_of($page);
    next if !@blocks || $page eq 'adding-a-provider';    # 020_made_up_provider.pl follows that one
    check_page($page, @blocks);
    $checked++;
}
cmp_ok($checked, '>=', 7, 'the pages have examples');

done_testing();
