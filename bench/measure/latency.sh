# shellcheck shell=bash
# How long it takes: from COMMIT to the first byte at the provider, and to the recorded answer beside a provider that hangs.

# commit_to_wire COUNT INTERVAL_MS: percentiles from COMMIT sent to arrival at the sink.
commit_to_wire() {
    as_server_user "$WORK_DIR/bench/bench_commit_to_wire" "host=$PGHOST port=$PGPORT user=$PGUSER dbname=$PGDATABASE" bench "$1" "$2" \
        >"$WORK_DIR/tmp/commits-$2"
    sql -c "SELECT cmms.wait_until_idle('60 s')" >/dev/null
    awk 'NR == FNR { sent[$2] = $1; next } $2 in sent { print ($1 - sent[$2]) / 1000 }' \
        "$WORK_DIR/tmp/commits-$2" "$WORK_DIR/tmp/arrivals" | percentiles
}

measure_latency() {
    local p50 p95 count
    read -r p50 p95 count < <(commit_to_wire 40 500)
    row "commit to wire, idle (one per 500 ms), p50 / p95" "$p50 / $p95 ms" "$count orders" - "<= 1 / 3 ms"
    read -r p50 p95 count < <(commit_to_wire 200 50)
    row "commit to wire, trickle (one per 50 ms), p50 / p95" "$p50 / $p95 ms" "$count orders" - "<= 1 / 3 ms"
    measure_isolation
}

# A time-out of the hanging provider must not end the measurement, so none comes.
measure_isolation() {
    local p50 p95 count
    add_provider silent "/hang/1" "timeout_ms '60000'"
    sql -c "INSERT INTO cmms.work_order (provider_id, title) SELECT 'silent', 'silent ' || n FROM generate_series(1, 100) n"
    sql -c "CALL bench.wait_for_flight('silent', $CONNECTIONS)"
    as_server_user "$WORK_DIR/bench/bench_commit_to_wire" "host=$PGHOST port=$PGPORT user=$PGUSER dbname=$PGDATABASE" bench 100 51 >/dev/null
    sql -c "CALL bench.wait_for_queue('bench', 0)"
    read -r p50 p95 count < <(sql -c "SELECT extract(epoch FROM last_synced_at - created_at) * 1000 FROM cmms.work_order
                                      WHERE provider_id = 'bench' AND title LIKE 'probe-51-%'" | percentiles)
    row "insert to recorded answer beside a hanging provider" "$p50 / $p95 ms" "$count orders; p50 / p95" - "< 20 ms"
    sql -c "SELECT cmms.deactivate('silent')" >/dev/null
}
