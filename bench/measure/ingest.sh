# shellcheck shell=bash
# What comes in, webhook by webhook and in pages, beside what a developer writes by hand.

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
        row "import, pages of 1,000, $kind" "$hub/s" "upsert from jsonb_to_recordset: $plain/s" "$(ratio "$hub" "$plain")" ">= 0.70"
        row "" "" "the same with foreign keys, history, events: $kept/s" "$(ratio "$hub" "$kept")" -
    done < <(sql_file import "documents=$DOCUMENTS")
}
