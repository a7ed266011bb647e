# shellcheck shell=bash
# The queue under load: what a claim costs with few and with very many rows waiting, and while an old snapshot is held elsewhere.
# Figures come from pg_stat_statements, of the worker's own statements while it pushes.

FEW_ORDERS=1000

reset_statistics() { sql -c "SELECT pg_stat_statements_reset()" >/dev/null; }

# Microseconds and buffers for each row claimed since the statistics were reset.
claim_cost() {
    sql -F ' ' -c "SELECT round((sum(total_exec_time) / sum(rows) * 1000)::numeric, 1), round(sum(shared_blks_hit + shared_blks_read) / sum(rows), 1)
                   FROM pg_stat_statements WHERE query LIKE '%cmms.outbox%SKIP LOCKED%UPDATE cmms.outbox%RETURNING%' AND rows > 0"
}

waiting() { sql -c "SELECT bench.waiting('backlog')"; }

# recorded_per_second SECONDS: pushes of the backlog recorded meanwhile.
recorded_per_second() {
    local first
    first=$(waiting)
    sleep "$1"
    echo $(((first - $(waiting)) / $1))
}

add_backlog() {
    sql -c "INSERT INTO cmms.work_order (provider_id, title, priority) SELECT 'backlog', 'backlog ' || n, 'high' FROM generate_series(1, $1) n"
}

# The plan of one claim, as the worker ran it, from the server's log.
show_claim_plan() {
    sql -c "ALTER SYSTEM SET auto_explain.log_min_duration = 0" -c "SELECT pg_reload_conf()" >/dev/null
    sleep 2
    sql -c "ALTER SYSTEM SET auto_explain.log_min_duration = -1" -c "SELECT pg_reload_conf()" >/dev/null
    say ""
    say "a claim with $(waiting) orders waiting, EXPLAIN (ANALYZE, BUFFERS) by auto_explain:"
    awk '/duration: .* plan:/ { text = ""; inside = 1; next }
         inside && /^\t/ { text = text $0 "\n"; next }
         inside { inside = 0; if (text ~ /Update on outbox/ && text ~ /LockRows/) { kept = text } }
         END { printf "%s", kept }' "$WORK_DIR/log/server" | sed -n '/(actual /,$p'
    say ""
}

measure_queue() {
    local few_time few_buffers many_time many_buffers free held
    restart_bench_cluster "shared_preload_libraries = 'pg_cmms, pg_stat_statements, auto_explain'" \
        "auto_explain.log_analyze = on" "auto_explain.log_buffers = on" "auto_explain.log_nested_statements = on" "auto_explain.log_timing = off"
    sql -c "SET client_min_messages = warning" -c "CREATE EXTENSION IF NOT EXISTS pg_stat_statements"
    add_provider backlog ""
    reset_statistics
    for _ in 1 2 3 4 5; do
        add_backlog "$FEW_ORDERS"
        sql -c "CALL bench.wait_for_queue('backlog', 0)"
    done
    read -r few_time few_buffers < <(claim_cost)

    sql -c "SELECT cmms.pause_provider('backlog')"
    add_backlog "$BACKLOG"
    sql -c CHECKPOINT
    sql -c "SELECT cmms.resume_provider('backlog')"
    sleep 2
    row "worker memory with $BACKLOG orders waiting (private)" "$(worker_memory) MB" "-" - "<= 64 MB"
    reset_statistics
    free=$(recorded_per_second "$SECONDS_EACH")
    read -r many_time many_buffers < <(claim_cost)
    row "claim of an order, $BACKLOG waiting" "$many_time us" "$FEW_ORDERS waiting: $few_time us" "$(ratio "$many_time" "$few_time")" "<= 1.30"
    row "the same, buffers touched" "$many_buffers" "$FEW_ORDERS waiting: $few_buffers" "$(ratio "$many_buffers" "$few_buffers")" -
    show_claim_plan
    held=$(held_snapshot_rate)
    row "pushes while an old snapshot is held for 20 s" "$held/s" "before it: $free/s" "$(ratio "$held" "$free")" ">= 0.80"
    [ "$(waiting)" -gt 0 ] || say "  (the queue ran empty meanwhile: give a greater --backlog)"
    sql -c "CALL bench.wait_for_queue('backlog', 0)"
    row "worker memory after $BACKLOG pushes (private)" "$(worker_memory) MB" "-" - "<= 64 MB"
}

# The rate in the last part of the 20 seconds, when what the snapshot keeps from being cleaned up has gathered.
held_snapshot_rate() {
    local holder
    as_server_user "$PG_BIN/psql" -XAtq -h "$PGHOST" -p "$PGPORT" -U "$PGUSER" -d "$PGDATABASE" \
        -c "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM cmms.provider; SELECT pg_sleep(20); COMMIT" >/dev/null &
    holder=$!
    sleep 8
    recorded_per_second 10
    wait "$holder"
}
