# shellcheck shell=bash
# Builds and installs the extension and runs throw-away clusters on Unix sockets. Needs common.sh and packages.sh.

processors() { nproc 2>/dev/null || echo 1; }

# Without bitcode for the JIT, which would double the time of the build and which no function of ours gains from.
build_extension() {
    run_logged "building pg_cmms for $("$PG_CONFIG" --version)" "$WORK_DIR/log/build" \
        make -C "$SOURCE_DIR" -j "$(processors)" PG_CONFIG="$PG_CONFIG" with_llvm=no ||
        fail "the build failed" "The complete output is shown by: make PG_CONFIG=$PG_CONFIG"
    run_logged "installing it into $("$PG_CONFIG" --pkglibdir)" "$WORK_DIR/log/install" \
        as_admin make -C "$SOURCE_DIR" install PG_CONFIG="$PG_CONFIG" with_llvm=no || fail "the installation failed"
}

# start_cluster NAME [SETTING...]: initdb, start, and point libpq's environment at it.
start_cluster() {
    local name=$1 directory="$WORK_DIR/$1" log="$WORK_DIR/log/$1" setting
    shift
    PG_BIN=$("$PG_CONFIG" --bindir)
    as_server_user "$PG_BIN/initdb" -D "$directory" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$log-initdb" 2>&1 ||
        { cat "$log-initdb" >&2; fail "initdb failed"; }
    {
        echo "listen_addresses = ''"
        echo "unix_socket_directories = '$WORK_DIR/tmp'"
        echo "shared_preload_libraries = 'pg_cmms'"
        echo "max_worker_processes = 16"
        echo "max_connections = 50"
        echo "fsync = off"
        for setting in "$@"; do echo "$setting"; done
    } | as_server_user tee -a "$directory/postgresql.conf" >/dev/null
    on_exit "stop_cluster $name"
    if ! as_server_user "$PG_BIN/pg_ctl" -D "$directory" -l "$log" -w -t 60 start >"$log-start" 2>&1; then
        tail -n 20 "$log" "$log-start" >&2 || true
        fail "the temporary PostgreSQL server did not start"
    fi
    export PGHOST="$WORK_DIR/tmp" PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
    unset PGSERVICE PGPASSFILE PGOPTIONS
    PATH="$PG_BIN:$PATH"
}

# Leaves nothing running, even when a fast stop does not finish.
stop_cluster() {
    local directory="$WORK_DIR/$1"
    [ -f "$directory/postmaster.pid" ] || return 0
    as_server_user "$PG_BIN/pg_ctl" -D "$directory" -m fast -w -t 20 stop >/dev/null 2>&1 ||
        as_server_user "$PG_BIN/pg_ctl" -D "$directory" -m immediate -w -t 20 stop >/dev/null 2>&1
}
