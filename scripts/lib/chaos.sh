# shellcheck shell=bash
# Runs test/chaos on a durable cluster of its own. Needs common.sh, packages.sh and postgres.sh; the tree's test must have been copied with
# copy_for_server_user, PYTHON set by find_python, the extension be installed.

# run_chaos [OPTION...]: see test/chaos/run. Short pauses between attempts, so that many fit into the time; the rest is as by default.
run_chaos() {
    start_cluster chaos "fsync = on" "cmms.retry_base = '200ms'" "cmms.retry_cap = '5s'" "cmms.request_timeout = '5s'"
    as_server_user "$PYTHON" "$WORK_DIR/source/test/chaos/chaos.py" --bin-directory "$PG_BIN" --data-directory "$WORK_DIR/chaos" \
        --log "$WORK_DIR/log/chaos" "$@"
}
