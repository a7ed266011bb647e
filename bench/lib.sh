# shellcheck shell=bash
# The measurements of bench/run. Each prints one table row: what, measured, beside what, ratio, goal.

PROGRAMS=build/bench/bench
CONNECTIONS=16
SINK_PORT=

row() { printf '%-58s %14s   %-44s %8s  %s\n' "$@"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else print "-" }'; }
sql() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }

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
    local process
    SINK_PORT=$(free_port)
    (exec_as_server_user "$WORK_DIR/bench/bench_sink" "$SINK_PORT" "$WORK_DIR/tmp/arrivals") >"$WORK_DIR/log/sink" 2>&1 &
    process=$!
    on_exit "stop_process $process"
    wait_for 10 "the sink" bash -c "exec 3<>/dev/tcp/127.0.0.1/$SINK_PORT"
}

start_bench_cluster() {
    start_cluster server "fsync = on" "shared_buffers = 1GB" "max_wal_size = 8GB" "checkpoint_timeout = 30min"
    sql -v sink_url="http://127.0.0.1:$SINK_PORT/api/v1" -f "$WORK_DIR/bench/sql/setup.sql" >/dev/null
    sql -f "$WORK_DIR/bench/sql/peer.sql" >/dev/null
    sql -c "SELECT cmms.wait_until_idle('30 s')" >/dev/null
}

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

# Orders enough for a steady state, in one commit; the clock runs until the last result is recorded.
measure_pushes() {
    local floor rate seconds arrived
    read -r floor _ < <(as_server_user "$WORK_DIR/bench/bench_transport_floor" "http://127.0.0.1:$SINK_PORT/api/v1/work_orders" "$ORDERS" "$CONNECTIONS")
    sql -c CHECKPOINT
    seconds=$(sql <<SQL | tail -n 1
INSERT INTO cmms.work_order (provider_id, title, description, priority)
  SELECT 'bench', 'bench ' || n, 'water leakage due to a blocked defrost drain', 'high' FROM generate_series(1, $ORDERS) n;
SELECT clock_timestamp() AS started \gset
SELECT cmms.wait_until_idle('10 min') AS idle \gset
SELECT extract(epoch FROM clock_timestamp() - :'started'::timestamptz);
SQL
    )
    arrived=$(sql -c "SELECT count(*) FROM cmms.work_order WHERE provider_id = 'bench' AND sync_state = 'synchronized' AND title LIKE 'bench %'")
    [ "$arrived" -eq "$ORDERS" ] || fail "only $arrived of $ORDERS orders are synchronized"
    rate=$(awk -v n="$ORDERS" -v s="$seconds" 'BEGIN { printf "%.0f", n / s }')
    row "pushes recorded per second, $ORDERS orders" "$rate/s" "HTTP transport alone, $CONNECTIONS connections: $floor/s" "$(ratio "$rate" "$floor")" ">= 2000/s"
}

# latency COUNT INTERVAL_MS: percentiles from COMMIT sent to arrival at the sink.
latency() {
    as_server_user "$WORK_DIR/bench/bench_commit_to_wire" "host=$PGHOST port=$PGPORT user=$PGUSER dbname=$PGDATABASE" bench "$1" "$2" \
        >"$WORK_DIR/tmp/commits-$2"
    sql -c "SELECT cmms.wait_until_idle('60 s')" >/dev/null
    awk 'NR == FNR { sent[$2] = $1; next } $2 in sent { print ($1 - sent[$2]) / 1000 }' \
        "$WORK_DIR/tmp/commits-$2" "$WORK_DIR/tmp/arrivals" | sort -n |
        awk '{ v[NR] = $1 } END { if (NR == 0) { print "- - 0"; exit } printf "%.2f %.2f %d\n", v[int((NR + 1) / 2)], v[int(NR * 0.95 + 0.5)], NR }'
}

measure_commit_to_wire() {
    local p50 p95 count
    read -r p50 p95 count < <(latency 40 500)
    row "commit to wire, idle (one per 500 ms), p50 / p95" "$p50 / $p95 ms" "$count orders" - "<= 2 / 10 ms"
    read -r p50 p95 count < <(latency 200 50)
    row "commit to wire, trickle (one per 50 ms), p50 / p95" "$p50 / $p95 ms" "$count orders" - "<= 2 / 10 ms"
}

# tps SCRIPT CLIENTS IDS
tps() {
    pgbench -n -M prepared -f "$WORK_DIR/bench/sql/$1.pgbench" -c "$2" -j "$2" -D ids="$3" -T "$SECONDS_EACH" 2>>"$WORK_DIR/log/pgbench" |
        sed -nE 's/^tps = ([0-9]+).*/\1/p'
}

# Interleaved, so that a drift of the machine's speed touches both alike.
measure_ingest_case() {
    local label=$1 clients=$2 ids=$3 peer cmms
    peer=$(tps ingest_peer "$clients" "$ids")
    cmms=$(tps ingest_cmms "$clients" "$ids")
    row "ingest_webhook, $label, $clients client(s)" "$cmms tps" "hand-written PL/pgSQL upsert: $peer tps" "$(ratio "$cmms" "$peer")" ">= 0.50"
}

measure_ingest() {
    local clients
    for clients in 1 2; do
        measure_ingest_case "new orders" "$clients" 100000000
        measure_ingest_case "repeated news of 1,000 orders" "$clients" 1000
    done
}

measure_import() {
    local kind hub plain kept
    while IFS='|' read -r kind hub plain kept; do
        row "import, pages of 1,000, $DOCUMENTS documents, $kind" "$hub/s" "upsert from jsonb_to_recordset: $plain/s" "$(ratio "$hub" "$plain")" ">= 0.70"
        row "" "" "the same with foreign keys, history, events: $kept/s" "$(ratio "$hub" "$kept")" -
    done < <(sql -v documents="$DOCUMENTS" -f "$WORK_DIR/bench/sql/import.sql")
}

# In the core alone: no database, no network.
measure_mapping() {
    local bytes parsing inbound outbound
    read -r bytes parsing inbound outbound < <("$PROGRAMS/bench_mapping" providers/clickmaint.json)
    row "mapping a work order of $bytes bytes, in + out" "$inbound + $outbound ns" "parsing it with jansson: $parsing ns" \
        "$(ratio "$((inbound + outbound))" "$parsing")" "<= 3.00"
}

# All of them in one statement; beside it, the same documents only turned into rows.
measure_preview() {
    local seconds floor
    read -r seconds floor < <(sql <<'SQL' | tail -n 1
CREATE TEMP TABLE document AS
  SELECT jsonb_build_object('id', n, 'title', 'Freezer ' || n, 'description', 'Water leakage due to a blocked defrost drain',
    'status', 'in_progress', 'priority', 'high', 'asset_id', 'AST-001', 'location_id', 'BLD-1/F2/R17', 'requester', 'jane.doe@example.org',
    'due_date', '2026-12-01T12:00:00Z', 'started_at', '2026-11-20T08:15:00Z', 'total_cost', 183.05, 'currency', 'EUR',
    'updated_at', '2026-11-20T08:15:42Z') AS body FROM generate_series(1, 10000) n;
SELECT clock_timestamp() AS started \gset
SELECT count(*) AS rows FROM document d CROSS JOIN LATERAL cmms.preview_inbound('bench_webhook', 'work_order', d.body) \gset
SELECT clock_timestamp() AS previewed \gset
SELECT count((jsonb_populate_record(NULL::cmms.work_order, d.body)).title) AS rows FROM document d \gset
SELECT extract(epoch FROM :'previewed'::timestamptz - :'started'), extract(epoch FROM clock_timestamp() - :'previewed');
SQL
    )
    floor=${seconds#*|} seconds=${seconds%|*}
    row "preview_inbound, 10,000 documents in one statement" "$seconds s" "jsonb_populate_record of the same: $floor s" "$(ratio "$seconds" "$floor")" -
}

measure_worker_memory() {
    local pid kilobytes
    pid=$(sql -c "SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'pg_cmms%' AND datname = current_database()")
    kilobytes=$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status")
    row "worker memory after $ORDERS pushes (private)" "$(awk -v k="$kilobytes" 'BEGIN { printf "%.1f MB", k / 1024 }')" "-" - "<= 64 MB"
}
