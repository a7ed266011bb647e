# shellcheck shell=bash
# How many pushes per second are recorded: with a provider that answers at once, late, and sometimes never.

HUNG_EVERY=100
LATE_MS=100
LATE_CONCURRENCY=64

# push_rate PROVIDER ORDERS LEFT: orders per second from their commit until only LEFT of them wait.
push_rate() {
    sql -c CHECKPOINT
    sql <<SQL | tail -n 1
INSERT INTO cmms.work_order (provider_id, title, description, priority)
  SELECT '$1', '$1 ' || n, 'water leakage due to a blocked defrost drain', 'high' FROM generate_series(1, $2) n;
SELECT clock_timestamp() AS started \gset
CALL bench.wait_for_queue('$1', $3);
SELECT round(($2 - $3) / extract(epoch FROM clock_timestamp() - :'started'::timestamptz));
SQL
}

# Orders enough for a steady state, in one commit; the clock runs until the last result is recorded.
measure_push() {
    local floor rate arrived
    read -r floor _ < <(as_server_user "$WORK_DIR/bench/bench_transport_floor" "$SINK/api/v1/work_orders" "$ORDERS" "$CONNECTIONS")
    rate=$(push_rate bench "$ORDERS" 0)
    arrived=$(sql -c "SELECT count(*) FROM cmms.work_order WHERE provider_id = 'bench' AND sync_state = 'synchronized' AND title LIKE 'bench %'")
    [ "$arrived" -eq "$ORDERS" ] || fail "only $arrived of $ORDERS orders are synchronized"
    row "pushes recorded per second, $ORDERS orders" "$rate/s" "HTTP transport alone, $CONNECTIONS connections: $floor/s" "$(ratio "$rate" "$floor")" ">= 5000/s"
    row "worker memory after them (private)" "$(worker_memory) MB" "-" - "<= 64 MB"
    measure_late_push
}

measure_late_push() {
    local orders ideal late hung left
    ideal=$((LATE_CONCURRENCY * 1000 / LATE_MS))
    orders=$((ideal * SECONDS_EACH))
    left=$((orders / HUNG_EVERY * 3 / 2))  # what never gets an answer, and some
    add_provider late "/delay/$LATE_MS" "max_concurrency '$LATE_CONCURRENCY'" "timeout_ms '5000'"
    add_provider hung "/delay/$LATE_MS/hang/$HUNG_EVERY" "max_concurrency '$LATE_CONCURRENCY'" "timeout_ms '5000'"
    late=$(push_rate late "$orders" "$left")
    hung=$(push_rate hung "$orders" "$left")
    row "the same, answered after $LATE_MS ms, concurrency $LATE_CONCURRENCY" "$late/s" "concurrency / latency: $ideal/s" "$(ratio "$late" "$ideal")" ">= 0.90"
    row "the same, and 1 of $HUNG_EVERY never answered (time-out 5 s)" "$hung/s" "all of them answered: $late/s" "$(ratio "$hung" "$late")" ">= 0.90"
}
