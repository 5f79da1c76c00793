#!/bin/sh
# Installs the private registry that the tests of images use, and does nothing where it is there.
set -eu
cd "$(dirname "$0")/.."
if command -v docker-registry >/dev/null && command -v htpasswd >/dev/null; then
    exit 0
fi
exec dev/apt.sh registry docker-registry apache2-utils
