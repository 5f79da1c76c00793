#!/bin/sh
# Looks for Chromium, which the tests of the pages drive; installs it where that may be done, else says what to do (2).
set -eu
cd "$(dirname "$0")/.."
for name in chromium chromium-browser google-chrome; do
    # Ubuntu's package is a script that asks for a snap: what cannot tell its version is no browser. A snap, too,
    # is none for the tests: it has a /tmp of its own, and they look for what it writes there.
    path=$(command -v "$name") || continue
    [ "$(readlink -f "$path")" != /usr/bin/snap ] || continue
    if "$path" --version >/dev/null 2>&1; then
        echo "browser: $path"
        exit 0
    fi
done
exec dev/apt.sh browser chromium
