# shellcheck shell=bash
# What an idle worker costs: its statements, and its share of a processor.

IDLE_SECONDS=65

# Processor time of a process so far, in seconds.
processor_seconds() { awk -v hertz="$(getconf CLK_TCK)" '{ printf "%.2f", ($14 + $15) / hertz }' "/proc/$1/stat"; }

# All statements of the database so far, but those of the measurement itself.
statements_run() { sql -c "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'"; }

# After a start the worker makes partitions and removes what has expired, in steps: idle is what comes after.
wait_for_silence() {
    local before=-1 now
    now=$(statements_run)
    for _ in $(seq 60); do
        [ "$before" != "$now" ] || return 0
        before=$now
        sleep 10
        now=$(statements_run)
    done
    fail "the worker has not been silent for 10 s within ten minutes"
}

measure_idle() {
    local worker before after statements most
    restart_bench_cluster "shared_preload_libraries = 'pg_cmms, pg_stat_statements'" "pg_stat_statements.track = all"
    sql -c "SET client_min_messages = warning" -c "CREATE EXTENSION IF NOT EXISTS pg_stat_statements"
    sql -c "SELECT cmms.wait_until_idle('60 s')" >/dev/null
    worker=$(worker_pid)
    wait_for_silence
    sql -c "SELECT pg_stat_statements_reset()" >/dev/null
    before=$(processor_seconds "$worker")
    sleep "$IDLE_SECONDS"
    after=$(processor_seconds "$worker")
    IFS='|' read -r statements most < <(sql -c "SELECT coalesce(sum(calls), 0), coalesce(max(calls), 0) FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'")
    row "idle for $IDLE_SECONDS s: statements, most calls of one" "$statements, $most" "once every 30 s: $((IDLE_SECONDS / 30)) of each" - "<= $(((IDLE_SECONDS + 29) / 30)) of each"
    row "idle: processor time" "$(awk -v a="$after" -v b="$before" -v s="$IDLE_SECONDS" 'BEGIN { printf "%.2f %%", (a - b) * 100 / s }')" "-" - "0 %"
}
