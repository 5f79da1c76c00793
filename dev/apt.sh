#!/bin/sh
# Installs packages of the distribution, or says which to install and ends with 2: apt.sh WHO PACKAGE...
# A name that ends with ? is of a package that not every release has: it is taken where there is one.
set -eu
cd "$(dirname "$0")/.."
who=$1
shift

# The names without their ?, in one line; those with one that the package lists do not have are left out.
there_is() {
    found=
    for name in "$@"; do
        case $name in
            *\?)
                name=${name%\?}
                apt-cache pkgnames "$name" | grep -qxF "$name" || continue
                ;;
        esac
        found="$found $name"
    done
    echo "${found# }"
}

if ! command -v apt-get >/dev/null; then
    echo "$who: this is neither Debian nor Ubuntu; please install the equivalent of: $*" >&2
    exit 2
fi
if [ "$(id -u)" != 0 ]; then
    echo "$who: please run: sudo apt-get install --no-install-recommends $(there_is "$@")" >&2
    exit 2
fi

mkdir -p .cache
log=.cache/apt-$who.log
export DEBIAN_FRONTEND=noninteractive
quietly() {
    apt-get -qq -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold "$@" >>"$log" 2>&1 </dev/null 9>&-
}

# Two parts of the set-up may come here at once, and apt-get takes one at a time.
exec 9>.cache/apt.lock
flock 9

echo "$who: installing $(there_is "$@") with apt-get (some 20 s; log in $log)"
: >"$log"
# Old lists may be good enough where the sources cannot all be reached: only the installation has to succeed.
quietly update || echo "$who: apt-get update had errors; trying with the package lists that are there"
# shellcheck disable=SC2046 # names are words
set -- $(there_is "$@")
if ! quietly install -y --no-install-recommends "$@"; then
    echo "$who: apt-get could not install $*. The end of $log:" >&2
    tail -n 15 "$log" >&2
    exit 1
fi
