# shellcheck shell=bash
# Finds a PostgreSQL to build against and installs missing packages (Debian, Ubuntu). Needs common.sh.

OLDEST_POSTGRES=14
NEWEST_POSTGRES=18
PREFERRED_POSTGRES=15
BUILD_PACKAGES=(g++ make pkg-config libcurl4-openssl-dev libjansson-dev libssl-dev python3)
TEST_PACKAGES=(ca-certificates cmake libgtest-dev zlib1g-dev perl libipc-run-perl openssl python3-jsonschema faketime util-linux)

# A server installation with its development files, of a version we support.
is_usable_postgres() {
    local pg_config=$1 version
    [ -x "$pg_config" ] || return 1
    version=$("$pg_config" --version 2>/dev/null | sed -E 's/^[^0-9]*([0-9]+).*/\1/') || return 1
    [[ $version =~ ^[0-9]+$ ]] && [ "$version" -ge "$OLDEST_POSTGRES" ] && [ "$version" -le "$NEWEST_POSTGRES" ] || return 1
    [ -f "$("$pg_config" --pgxs)" ] && [ -x "$("$pg_config" --bindir)/initdb" ] && [ -f "$("$pg_config" --includedir-server)/postgres.h" ]
}

# Sets PG_CONFIG: the caller's own choice, else the preferred version, else the newest one installed.
find_postgres() {
    local candidate
    if [ -n "${PG_CONFIG:-}" ]; then
        candidate=$(command -v "$PG_CONFIG") || fail "PG_CONFIG=$PG_CONFIG does not exist"
        is_usable_postgres "$candidate" ||
            fail "PG_CONFIG=$PG_CONFIG is not a PostgreSQL $OLDEST_POSTGRES..$NEWEST_POSTGRES server with development files"
        PG_CONFIG=$candidate
        return 0
    fi
    for candidate in "/usr/lib/postgresql/$PREFERRED_POSTGRES/bin/pg_config" \
        $(printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | sort -rV) "$(command -v pg_config || true)"; do
        if [ -n "$candidate" ] && is_usable_postgres "$candidate"; then
            PG_CONFIG=$candidate
            return 0
        fi
    done
    return 1
}

missing_packages() {
    local package
    for package in "$@"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then printf '%s\n' "$package"; fi
    done
}

install_packages() {
    local log="$WORK_DIR/log/apt"
    as_admin env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@" >"$log" 2>&1 && return
    say "the package installation failed:"
    tail -n 20 "$log" | sed 's/^/    /'
    fail "apt-get could not install: $*" "Check the network and the package sources, then try again."
}

# A new server package would create and start a cluster of its own; nobody asked for one.
without_default_cluster() {
    local directory=/etc/postgresql-common/createcluster.d
    local file="$directory/pg_cmms-no-default-cluster.conf"
    if [ ! -d "$directory" ]; then
        install_packages postgresql-common
        as_admin mkdir -p "$directory"
    fi
    on_exit "as_admin rm -f $file"
    echo "create_main_cluster = false" | as_admin tee "$file" >/dev/null
    "$@"
    as_admin rm -f "$file"
}

# ensure_packages PACKAGE...: installs what is missing and sets PG_CONFIG; without network when nothing is missing.
ensure_packages() {
    local wanted=("$@") missing postgres=() version
    find_postgres || postgres=("postgresql-$PREFERRED_POSTGRES" "postgresql-server-dev-$PREFERRED_POSTGRES")
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        [ ${#postgres[@]} -eq 0 ] ||
            fail "no PostgreSQL $OLDEST_POSTGRES..$NEWEST_POSTGRES server with development files was found" \
                "This system has no apt: install what the README lists, or set PG_CONFIG."
        return 0
    fi
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    if [ ${#missing[@]} -eq 0 ] && [ ${#postgres[@]} -eq 0 ]; then return 0; fi

    say "installing packages: ${missing[*]} ${postgres[*]}"
    if ! as_admin apt-get -o DPkg::Lock::Timeout=120 update >"$WORK_DIR/log/apt-update" 2>&1; then
        say "  (the package lists could not be refreshed; trying with the ones at hand)"
    fi
    if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}"; fi
    if [ ${#postgres[@]} -gt 0 ]; then
        if ! apt-cache show "${postgres[0]}" >/dev/null 2>&1; then
            # The distribution's own version instead.
            version=$(apt-cache depends postgresql | sed -nE 's/.*Depends: postgresql-([0-9]+)$/\1/p' | head -n 1)
            [ -n "$version" ] || fail "the package sources offer no PostgreSQL server"
            postgres=("postgresql-$version" "postgresql-server-dev-$version")
        fi
        without_default_cluster install_packages "${postgres[@]}"
    fi
    find_postgres || fail "PostgreSQL was installed, but pg_config or the development files cannot be found"
}
