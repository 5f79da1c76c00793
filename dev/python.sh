#!/bin/sh
# Prints the path of a Python that is new enough, or says what to install and ends with 2.
# CI_BOT_PYTHON names one. Else it is the distribution's own where that can make environments, before what the PATH
# has first: distributions build theirs with optimisations, pyenv does not, and all here takes a third longer then.
set -eu

# Prints where it really is: before pyenv's stands a shell script.
new_enough() {
    "$1" -c 'import sys; sys.version_info >= (3, 11) and print(sys.executable)' 2>/dev/null | grep .
}

if [ -n "${CI_BOT_PYTHON:-}" ]; then
    new_enough "$CI_BOT_PYTHON" && exit 0
    echo "python: CI_BOT_PYTHON=$CI_BOT_PYTHON is no Python 3.11 or newer" >&2
    exit 2
fi
if /usr/bin/python3 -c 'import ensurepip, venv' 2>/dev/null && new_enough /usr/bin/python3; then
    exit 0
fi
for name in python3 python3.13 python3.12 python3.11 python3.14; do
    new_enough "$name" && exit 0
done
cat >&2 <<'WORDS'
python: ci-bot needs Python 3.11 or newer, and none is on the PATH.
        Debian 12 or newer, Ubuntu 24.04 or newer: apt-get install python3 python3-venv
        Ubuntu 22.04: apt-get install python3.11 python3.11-venv
WORDS
exit 2
