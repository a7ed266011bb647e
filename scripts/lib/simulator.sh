# shellcheck shell=bash
# Starts a provider test server. Needs common.sh; the tree's test/simulator must have been copied with copy_for_server_user.

# start_simulator PROVIDER [OPTION...]: runs test/simulator/PROVIDER.py, sets SIMULATOR_URL.
start_simulator() {
    local name=$1 port_file="$WORK_DIR/$1.port" process
    shift
    (exec_as_server_user "$PYTHON" "$WORK_DIR/source/test/simulator/$name.py" --port 0 --port-file "$port_file" "$@") \
        >"$WORK_DIR/log/$name" 2>&1 &
    process=$!
    on_exit "stop_process $process"
    wait_for 30 "the simulator" test -s "$port_file"
    SIMULATOR_URL="http://127.0.0.1:$(cat "$port_file")"
}

# The process is our own child, so its number cannot have been given to another.
stop_process() {
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# simulator METHOD PATH [JSON] [OPTION...]: calls a control endpoint.
simulator() {
    as_server_user "$PYTHON" "$WORK_DIR/source/test/simulator/control.py" "$SIMULATOR_URL" "$@"
}
