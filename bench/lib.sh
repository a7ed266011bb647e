# shellcheck shell=bash
# What the measurements of bench/measure share: programs, the sink, the cluster, and the table. A row says: what, measured, beside
# what, ratio, goal.

PROGRAMS=build/bench/bench
CONNECTIONS=16
SINK=

row() { printf '%-58s %16s   %-46s %8s  %s\n' "$@"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else print "-" }'; }
sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }

# sql_file NAME [VARIABLE=VALUE]...
sql_file() {
    local name=$1 variables=()
    shift
    for variable in "$@"; do variables+=(-v "$variable"); done
    sql "${variables[@]}" -f "$WORK_DIR/bench/sql/$name.sql"
}

# Percentiles 50 and 95 of the numbers on standard input, and how many they are.
percentiles() {
    sort -n | awk '{ v[NR] = $1 } END { if (NR == 0) { print "- - 0"; exit } printf "%.2f %.2f %d\n", v[int((NR + 1) / 2)], v[int(NR * 0.95 + 0.5)], NR }'
}

prepare_programs() {
    make_work_dir
    ensure_packages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}" libmicrohttpd-dev libpq-dev
    build_extension
    run_logged "building the benchmark programs" "$WORK_DIR/log/programs" build_programs || fail "the build failed"
    mkdir -p "$WORK_DIR/bench"
    cp -R "$PROGRAMS"/bench_* bench/sql "$WORK_DIR/bench/"
    give_to_server_user "$WORK_DIR/bench"
}

build_programs() {
    cmake -S . -B build/bench -DCMAKE_BUILD_TYPE=RelWithDebInfo &&
        cmake --build build/bench -j "$(processors)" --target bench_sink bench_transport_floor bench_commit_to_wire bench_mapping
}

free_port() { "$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

start_sink() {
    local process port
    port=$(free_port)
    SINK="http://127.0.0.1:$port"
    (exec_as_server_user "$WORK_DIR/bench/bench_sink" "$port" "$WORK_DIR/tmp/arrivals") >"$WORK_DIR/log/sink" 2>&1 &
    process=$!
    on_exit "stop_process $process"
    wait_for 10 "the sink" bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
}

start_bench_cluster() {
    start_cluster server "fsync = on" "shared_buffers = 1GB" "max_wal_size = 8GB" "min_wal_size = 2GB" "checkpoint_timeout = 30min"
    sql_file setup "sink=$SINK" >/dev/null
    sql_file peer >/dev/null
    sql -c "SELECT cmms.wait_until_idle('30 s')" >/dev/null
}

# restart_bench_cluster SETTING...: with these added to postgresql.conf.
restart_bench_cluster() {
    printf '%s\n' "$@" | as_server_user tee -a "$WORK_DIR/server/postgresql.conf" >/dev/null
    as_server_user "$PG_BIN/pg_ctl" -D "$WORK_DIR/server" -l "$WORK_DIR/log/server" -w -t 60 -m fast restart >"$WORK_DIR/log/restart" 2>&1 ||
        fail "the server did not restart"
    sql -c "SELECT cmms.wait_until_idle('60 s')" >/dev/null
}

worker_pid() { sql -c "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_cmms worker' AND datname = current_database()"; }

# Private memory of the worker, MB.
worker_memory() { awk '/^RssAnon/ { printf "%.1f", $2 / 1024 }' "/proc/$(worker_pid)/status"; }

describe_machine() {
    say ""
    say "machine: $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), PostgreSQL $(sql -c 'SHOW server_version')"
    say "fsync=$(sql -c 'SHOW fsync') synchronous_commit=$(sql -c 'SHOW synchronous_commit'), one fdatasync of 8 kB: $(fsync_microseconds) us"
    say ""
    row what measured "beside it, in the same run" ratio goal
}

fsync_microseconds() {
    as_server_user "$PG_BIN/pg_test_fsync" -s 1 -f "$WORK_DIR/tmp/fsync" 2>/dev/null |
        awk '/ fdatasync / { for (i = 1; i <= NF; i++) if ($i == "usecs/op") { print $(i - 1); exit } }'
}

# add_provider NAME PATH [OPTION]...: a server at a path of the sink, activated, never polled.
add_provider() {
    local name=$1 path=$2 option options=""
    shift 2
    for option in "$@"; do options+=", $option"; done
    sql >/dev/null <<SQL
CREATE SERVER $name FOREIGN DATA WRAPPER cmms OPTIONS (type 'clickmaint', base_url '$SINK$path/api/v1', entity_id '1'$options);
CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS (api_key 'bench');
SELECT cmms.activate('$name', poll_interval => '1 day');
SELECT cmms.wait_until_idle('30 s');
SQL
}
