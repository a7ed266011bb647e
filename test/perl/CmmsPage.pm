# A page of the documentation as it is printed: its blocks of SQL, and the output that it shows for them.
package CmmsPage;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;

our @EXPORT_OK = qw(page_names blocks_of squeezed);

my $directory = abs_path(dirname(__FILE__) . '/../../docs');

# "mapping", "providers/custom"
sub page_names
{
    return map { m{^\Q$directory\E/(.*)\.md$} } sort glob("$directory/*.md"), glob("$directory/*/*.md");
}

# The SQL blocks of a page, each with its line, its heading and the output that is shown for it, if any.
sub blocks_of
{
    my ($page) = @_;
    my (@blocks, $open, $directly_after);
    my ($number, $heading) = (0, '');
    for my $line (split /\n/, slurp_file("$directory/$page.md"))
    {
        $number++;
        if ($line =~ /^```(.*)$/)
        {
            if    ($open)       { undef $open }
            elsif ($1 eq 'sql') { push @blocks, $open = { line => $number + 1, heading => $heading, sql => '' } }
            elsif ($1 eq 'text' && $directly_after) { $open = $blocks[-1]; $open->{shown} = '' }
            else  { $open = {} }
            $directly_after = 1;
            next;
        }
        if ($open && defined $open->{shown}) { $open->{shown} .= "$line\n" }
        elsif ($open) { $open->{sql} .= "$line\n" }
        else
        {
            $directly_after = 0 if $line =~ /\S/;
            $heading = $1 if $line =~ /^#+ (.*)/;
        }
    }
    return @blocks;
}

# Without the padding of columns.
sub squeezed
{
    my ($text) = @_;
    my @lines = grep { /\S/ } split /\n/, $text;
    for (@lines) { s/-{2,}/-/g; s/\s+/ /g; s/\s$//; }
    return join "\n", @lines;
}

1;
