# shellcheck shell=bash
# The maps: in the core alone, without a database or a network, and as a preview of many documents.

measure_mapping() {
    local bytes parsing inbound outbound
    read -r bytes parsing inbound outbound < <("$PROGRAMS/bench_mapping" providers/clickmaint.json)
    row "mapping a work order of $bytes bytes, in + out" "$inbound + $outbound ns" "parsing it with jansson: $parsing ns" \
        "$(ratio "$((inbound + outbound))" "$parsing")" "<= 3.00"
}

# All of them in one statement; beside it, the same documents only turned into rows.
measure_preview() {
    local seconds floor
    IFS='|' read -r seconds floor < <(sql_file preview | tail -n 1)
    row "preview_inbound, 10,000 documents in one statement" "$seconds s" "jsonb_populate_record of the same: $floor s" "$(ratio "$seconds" "$floor")" -
}
