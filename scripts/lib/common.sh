# shellcheck shell=bash
# What the entry points share: messages, clean-up on every way out, a work directory, running as the right user.
# Sourced after `set -euo pipefail`; SOURCE_DIR is the top of the source tree.

SOURCE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
WORK_DIR=
SERVER_USER=
KEEP_WORK_DIR=no
CLEAN_UP_COMMANDS=()

say() { printf '%s\n' "$*"; }

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    shift
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit 1
}

# Commands are run in reverse order when the script ends, however it ends.
on_exit() { CLEAN_UP_COMMANDS+=("$*"); }

clean_up() {
    local status=$? index
    trap - EXIT
    trap '' INT TERM HUP
    for ((index = ${#CLEAN_UP_COMMANDS[@]} - 1; index >= 0; index--)); do
        eval "${CLEAN_UP_COMMANDS[index]}" || true
    done
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

is_root() { [ "$(id -u)" -eq 0 ]; }

# Administrator's work (packages, installing files): directly as root, else through sudo.
as_admin() {
    if is_root; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "this step needs root: $*" "Run the script as root, or install sudo."
    fi
}

# The server refuses to run as root: it and everything that talks to it then run as an unprivileged user. Chosen once: installing
# packages may make user postgres appear when the work directory already belongs to nobody.
choose_server_user() {
    if ! is_root; then
        SERVER_USER=$(id -un)
    elif id postgres >/dev/null 2>&1; then
        SERVER_USER=postgres
    else
        SERVER_USER=nobody
    fi
}

exec_as_server_user() {
    if is_root; then
        exec setpriv --reuid="$SERVER_USER" --regid="$(id -g "$SERVER_USER")" --init-groups -- \
            env HOME="$WORK_DIR" TMPDIR="$WORK_DIR/tmp" PYTHONDONTWRITEBYTECODE=1 "$@"
    fi
    exec env TMPDIR="$WORK_DIR/tmp" PYTHONDONTWRITEBYTECODE=1 "$@"
}

as_server_user() { (cd "$WORK_DIR" && exec_as_server_user "$@"); }

make_work_dir() {
    choose_server_user
    # A short path: it also holds Unix sockets, whose names are limited to about 100 characters.
    WORK_DIR=$(mktemp -d /tmp/pg_cmms.XXXXXX)
    on_exit remove_work_dir
    mkdir -p "$WORK_DIR/tmp" "$WORK_DIR/log"
    give_to_server_user "$WORK_DIR"
}

give_to_server_user() {
    if is_root; then chown -R "$SERVER_USER:" "$@"; fi
}

remove_work_dir() {
    if [ "$KEEP_WORK_DIR" = yes ]; then
        say "kept: $WORK_DIR"
    else
        rm -rf "$WORK_DIR"
    fi
}

# The parts of the tree that the unprivileged user must be able to read, wherever the tree itself lies.
copy_for_server_user() {
    local destination="$WORK_DIR/source" part
    mkdir -p "$destination"
    for part in "$@"; do
        mkdir -p "$destination/$(dirname "$part")"
        cp -R "$SOURCE_DIR/$part" "$destination/$(dirname "$part")/"
    done
    give_to_server_user "$destination"
}

# run_logged LABEL LOG COMMAND...: one progress line; the end of the log when the command fails.
run_logged() {
    local label=$1 log=$2 started=$SECONDS
    shift 2
    printf '%-58s' "$label ..."
    if "$@" >"$log" 2>&1; then
        say "done ($((SECONDS - started)) s)"
    else
        say "failed ($((SECONDS - started)) s)"
        tail -n 40 "$log" | sed 's/^/    /'
        return 1
    fi
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
    local give_up_at=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$give_up_at" ]; then fail "gave up waiting for $what"; fi
        sleep 0.05
    done
}

find_python() {
    local candidate
    for candidate in /usr/bin/python3 "$(command -v python3 || true)"; do
        if [ -n "$candidate" ] && as_server_user "$candidate" -c 'import asyncio, ssl, sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
            PYTHON=$candidate
            return
        fi
    done
    fail "no usable python3 (3.9 or newer) was found"
}
