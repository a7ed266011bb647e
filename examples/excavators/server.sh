# shellcheck shell=bash
# What both runs share: their arguments, the server they use and the database that they make there. Needs EXAMPLE, PROGRAM
# and DATABASE; sets CSV.
export LC_NUMERIC=C
# shellcheck source=scripts/lib/common.sh
. "$EXAMPLE/../../scripts/lib/common.sh"
# shellcheck source=scripts/lib/packages.sh
. "$EXAMPLE/../../scripts/lib/packages.sh"
# shellcheck source=scripts/lib/postgres.sh
. "$EXAMPLE/../../scripts/lib/postgres.sh"

HEADER=BscStartDate,Asset,OriginalShorttext,PMType,Cost
OWN_SERVER=no
CSV=

usage() {
    cat <<TEXT
usage: examples/excavators/$PROGRAM [--own-server] FILE.csv

  --own-server   build and install pg_cmms, and use a temporary server that is removed at the end

Without it the server is the one that libpq's environment (PGHOST, PGPORT, PGUSER, ...) names; it must have pg_cmms preloaded and run
on this machine. Database $DATABASE is made there anew, and stays to be looked at. Where no such server answers, a temporary one is used.
TEXT
}

parse_arguments() {
    while [ $# -gt 0 ]; do
        case $1 in
        --own-server) OWN_SERVER=yes ;;
        -h | --help)
            usage
            CLEAN_UP_COMMANDS=()
            exit 0
            ;;
        -*) fail "unknown option $1" "See examples/excavators/$PROGRAM --help." ;;
        *) CSV=$1 ;;
        esac
        shift
    done
    [ -n "$CSV" ] || fail "which file?" "See examples/excavators/$PROGRAM --help."
    [ -r "$CSV" ] || fail "$CSV cannot be read"
    [ "$(head -n 1 "$CSV" | tr -d '\r')" = "$HEADER" ] || fail "$CSV is not the excavator log" "Its first line must be: $HEADER"
}

sql() { psql -X -q -v ON_ERROR_STOP=1 -P pager=off -P footer=off -d "$DATABASE" "$@"; }

server_is_usable() {
    command -v psql >/dev/null || return 1
    [ "$(psql -XAtq -d "${PGDATABASE:-postgres}" -c "SELECT current_setting('shared_preload_libraries') ~ '\mpg_cmms\M'" 2>/dev/null)" = t ]
}

# The server that was asked for, or a temporary one.
prepare_server() {
    make_work_dir
    if [ "$OWN_SERVER" = no ] && ! server_is_usable; then
        say "No server with pg_cmms preloaded answers; using a temporary one."
        OWN_SERVER=yes
    fi
    if [ "$OWN_SERVER" = yes ]; then
        ensure_packages "${BUILD_PACKAGES[@]}"
        build_extension
        start_cluster server
    fi
}

make_database() {
    psql -X -q -d "${PGDATABASE:-postgres}" -c "DROP DATABASE IF EXISTS $DATABASE WITH (FORCE)" -c "CREATE DATABASE $DATABASE ENCODING 'UTF8' TEMPLATE template0" 2>/dev/null ||
        fail "database $DATABASE cannot be made" "The role needs the right to create databases and extensions."
}

say_what_is_kept() {
    if [ "$OWN_SERVER" = no ]; then
        say "Database $DATABASE is kept. To be rid of it: DROP DATABASE $DATABASE WITH (FORCE)"
    fi
}
