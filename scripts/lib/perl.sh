# shellcheck shell=bash
# Runs Perl tests with PostgreSQL's own test modules. Needs common.sh and packages.sh; the tree's test must have been copied with
# copy_for_server_user, PYTHON set by find_python.

# Sets PERL_INCLUDE, the options that make PostgreSQL's test modules and ours found; fails where the installation has none.
find_test_modules() {
    local top
    top=$(cd "$(dirname "$("$PG_CONFIG" --pgxs)")/.." && pwd)
    PG_REGRESS="$top/test/regress/pg_regress"
    PERL_INCLUDE=(-I "$top/test/perl" -I "$WORK_DIR/source/test/perl")
    as_server_user perl "${PERL_INCLUDE[@]}" -e 'use PostgreSQL::Test::Cluster'
}

# as_perl_test COMMAND...: in the environment that the modules expect; their data and logs go to $WORK_DIR/tap.
as_perl_test() {
    mkdir -p "$WORK_DIR/tap"
    give_to_server_user "$WORK_DIR/tap"
    as_server_user env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE \
        PATH="$("$PG_CONFIG" --bindir):$PATH" PYTHON="$PYTHON" PG_REGRESS="$PG_REGRESS" \
        TESTDIR="$WORK_DIR/tap" TESTDATADIR="$WORK_DIR/tap/data" TESTLOGDIR="$WORK_DIR/tap/log" "$@"
}

# show_server_logs SCRIPT: of one test, by its name without directory and extension.
show_server_logs() {
    local log
    find "$WORK_DIR/tap" -type f -path '*log/*' \( -name "$1_*.log" -o -name "regress_log_$1" \) | sort | while read -r log; do
        say "--- end of $(basename "$log") ---"
        tail -n 40 "$log" | sed 's/^/    /'
    done
}
