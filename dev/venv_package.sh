#!/bin/sh
# Sees to it that a Python can make virtual environments, which Debian and Ubuntu have in a package of its own:
# venv_package.sh WHO PYTHON. Several parts of the set-up may ask at once.
set -eu
cd "$(dirname "$0")/.."

mkdir -p .cache
exec 8>.cache/venv-package.lock
flock 8
if ! "$2" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$2" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "$1: $2 cannot make virtual environments: the package python$version-venv is missing"
    dev/apt.sh "$1" "python$version-venv" 8>&-
fi
