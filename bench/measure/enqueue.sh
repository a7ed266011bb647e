# shellcheck shell=bash
# What taking part costs the application: row by row and many rows in one statement, beside a trigger written by hand.

# enqueue_tps SCRIPT CLIENTS [SETTING]
enqueue_tps() {
    PGOPTIONS="${3:+-c $3}" pgbench -n -M prepared -f "$WORK_DIR/bench/sql/$1.pgbench" -c "$2" -j "$2" -T "$SECONDS_EACH" 2>>"$WORK_DIR/log/pgbench" |
        sed -nE 's/^tps = ([0-9]+).*/\1/p'
}

# Nothing is sent meanwhile: the worker's own work is measured elsewhere.
measure_enqueue() {
    local clients hub peer ours plain
    add_provider queue ""
    sql -c "SELECT cmms.pause_provider('queue', 'what is measured is the queue')"
    sql_file enqueue >/dev/null
    for clients in 1 2; do
        peer=$(enqueue_tps enqueue_peer_order "$clients")
        hub=$(enqueue_tps enqueue_order "$clients")
        row "insert into cmms.work_order, $clients client(s)" "$hub tps" "same table, trigger adds one queue row: $peer tps" "$(ratio "$hub" "$peer")" ">= 0.70"
        peer=$(enqueue_tps enqueue_peer_row "$clients")
        hub=$(enqueue_tps enqueue_row "$clients")
        row "insert into a table with cmms.sync_row, $clients client(s)" "$hub tps" "same table, trigger adds one queue row: $peer tps" "$(ratio "$hub" "$peer")" ">= 0.70"
    done
    hub=$(enqueue_tps enqueue_row 2 "cmms.notify=off")
    row "the same, cmms.notify off, 2 client(s)" "$hub tps" "same table, trigger adds one queue row: $peer tps" "$(ratio "$hub" "$peer")" ">= 0.70"
    IFS='|' read -r ours plain < <(sql_file enqueue_many "rows=10000" | tail -n 1)
    row "10,000 orders in one statement" "$ours s" "INSERT .. SELECT into two plain tables: $plain s" "$(ratio "$ours" "$plain")" "<= 1.50"
    sql -c "TRUNCATE cmms.outbox"
}
