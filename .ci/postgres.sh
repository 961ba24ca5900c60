#!/usr/bin/env bash
# Starts a throwaway PostgreSQL server and prints the URL of its database; nothing else goes to standard output.
#
#   export NOVATION_TEST_POSTGRES=$(.ci/postgres.sh start DIR)     the server's files lie in DIR, which must not exist
#   .ci/postgres.sh stop DIR                                       stops it and removes DIR
#
# Reached over a socket in DIR alone: no port, no password. It syncs its commits as a real one does, since the tests and the benchmark are about that.
# Needs PostgreSQL's programs (Debian: apt-get install postgresql), in PATH or where Debian has them. They refuse to run as root: root becomes `postgres`.
set -euo pipefail

usage() { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -eq 2 ] || usage
action=$1 dir=$2

bin=$(dirname "$(command -v initdb || ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -1 || true)")
[ -x "$bin/initdb" ] || { echo "PostgreSQL is missing: apt-get install postgresql" >&2; exit 1; }
as_owner() {
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

case $action in
start)
    mkdir "$dir"
    dir=$(cd "$dir" && pwd)
    if [ "$(id -u)" = 0 ]; then chown postgres "$dir"; fi
    cd "$dir"
    as_owner "$bin/initdb" --pgdata "$dir/data" --username novation --auth trust --no-locale --encoding UTF8 >"$dir.log" 2>&1 ||
        { cat "$dir.log" >&2; exit 1; }
    as_owner "$bin/pg_ctl" --pgdata "$dir/data" --log "$dir/server.log" --wait --timeout 120 \
        --options "-c listen_addresses='' -c unix_socket_directories='$dir'" start >"$dir.log" 2>&1 </dev/null ||
        { cat "$dir.log" "$dir/server.log" >&2; exit 1; }
    rm -f "$dir.log"
    echo "postgres://novation@localhost/postgres?host=$dir"
    ;;
stop)
    dir=$(cd "$dir" && pwd)
    cd "$dir"
    as_owner "$bin/pg_ctl" --pgdata "$dir/data" --mode immediate --wait stop >&2
    cd /
    rm -rf "$dir"
    ;;
*) usage ;;
esac
