# shellcheck shell=bash
# A provider that hangs is in nobody's way: not of DROP DATABASE, not of the server's stop. Ends the server, so it comes last.

measure_stop() {
    local dropped stopped started
    add_provider mute "/hang/1" "timeout_ms '60000'"
    sql -c "INSERT INTO cmms.work_order (provider_id, title) SELECT 'mute', 'mute ' || n FROM generate_series(1, 100) n"
    sql -c "CALL bench.wait_for_flight('mute', $CONNECTIONS)"
    sql -c "CREATE DATABASE unrelated"
    started=$(date +%s%N)
    sql -c "DROP DATABASE unrelated"
    dropped=$(($(date +%s%N) - started))
    started=$(date +%s%N)
    as_server_user "$PG_BIN/pg_ctl" -D "$WORK_DIR/server" -m fast -w -t 60 stop >"$WORK_DIR/log/stop" 2>&1 || fail "the server did not stop"
    stopped=$(($(date +%s%N) - started))
    row "unrelated DROP DATABASE with a hanging provider" "$(awk -v n="$dropped" 'BEGIN { printf "%.3f s", n / 1e9 }')" "$CONNECTIONS requests without an answer" - "< 0.2 s"
    row "fast stop with a hanging provider" "$(awk -v n="$stopped" 'BEGIN { printf "%.3f s", n / 1e9 }')" "$CONNECTIONS requests without an answer" - "< 1 s"
}
