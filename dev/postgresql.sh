#!/bin/sh
# PostgreSQL's programs, for the tests of the store on it; they make and start servers of their own.
set -eu
cd "$(dirname "$0")/.."
command -v initdb >/dev/null && exit 0
for folder in /usr/lib/postgresql/*/bin; do
    [ -x "$folder/initdb" ] && exit 0
done
# Else the package would make a cluster and start it on somebody's machine.
settings=/etc/postgresql-common/createcluster.conf
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! [ -e "$settings" ]; then
    mkdir -p "${settings%/*}"
    echo "create_main_cluster = false" >"$settings"
fi
exec dev/apt.sh postgresql postgresql
