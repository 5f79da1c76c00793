#!/bin/sh
# Prints the path of a Python that is new enough, or says what to install and ends with 2.
set -eu
for name in python3 python3.13 python3.12 python3.11 python3.14; do
    if found=$("$name" -c 'import sys; sys.version_info >= (3, 11) and print(sys.executable)' 2>/dev/null) &&
        [ -n "$found" ]; then
        echo "$found"
        exit 0
    fi
done
cat >&2 <<'WORDS'
python: ci-bot needs Python 3.11 or newer, and none is on the PATH.
        Debian 12 or newer, Ubuntu 24.04 or newer: apt-get install python3 python3-venv
        Ubuntu 22.04: apt-get install python3.11 python3.11-venv
WORDS
exit 2
