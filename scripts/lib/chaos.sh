# shellcheck shell=bash
# Runs test/chaos on a durable cluster of its own. Needs common.sh, packages.sh and postgres.sh; the tree's test must have been copied with
# copy_for_server_user, PYTHON set by find_python, the extension be installed.

# run_chaos_suite [OPTION...]: see test/chaos/chaos.py. Short pauses between attempts, so that many fit into the time; all else is as it comes.
run_chaos_suite() {
    # A port of its own: another cluster may be using the same directory for its socket.
    start_cluster chaos "port = 5433" "fsync = on" "cmms.retry_base = '200ms'" "cmms.retry_cap = '5s'" "cmms.request_timeout = '5s'"
    PGPORT=5433 as_server_user "$PYTHON" "$WORK_DIR/source/test/chaos/chaos.py" --bin-directory "$PG_BIN" \
        --data-directory "$WORK_DIR/chaos" --log "$WORK_DIR/log/chaos" "$@"
}
