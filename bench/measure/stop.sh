# shellcheck shell=bash
# A provider that hangs is in nobody's way: not of DROP DATABASE, not of the server's stop. Ends the server, so it comes last.

# Timed inside the session, so that starting psql does not count.
drop_seconds() {
    sql <<'SQL' | tail -n 1
CREATE DATABASE unrelated;
CHECKPOINT;
SELECT clock_timestamp() AS started \gset
DROP DATABASE unrelated;
SELECT round(extract(epoch FROM clock_timestamp() - :'started'::timestamptz)::numeric, 3);
SQL
}

measure_stop() {
    local alone dropped started stopped
    alone=$(drop_seconds)
    add_provider mute "/hang/1" "timeout_ms '60000'"
    sql -c "INSERT INTO cmms.work_order (provider_id, title) SELECT 'mute', 'mute ' || n FROM generate_series(1, 100) n"
    sql -c "CALL bench.wait_for_flight('mute', $CONNECTIONS)"
    dropped=$(drop_seconds)
    row "unrelated DROP DATABASE with a hanging provider" "$dropped s" "without it: $alone s" "$(ratio "$dropped" "$alone")" "< 0.2 s"
    started=$(date +%s%N)
    as_server_user "$PG_BIN/pg_ctl" -D "$WORK_DIR/server" -m fast -w -t 60 stop >"$WORK_DIR/log/stop" 2>&1 || fail "the server did not stop"
    stopped=$(awk -v n="$(($(date +%s%N) - started))" 'BEGIN { printf "%.3f", n / 1e9 }')
    row "fast stop with a hanging provider" "$stopped s" "$CONNECTIONS requests without an answer" - "< 1 s"
}
