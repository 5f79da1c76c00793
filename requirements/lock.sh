#!/bin/sh
# Locks every dependency with its hashes; run it after changing pyproject.toml. Uses `uv`, the machine's or one of its own.
# The lock files name no registry, so the machine's own pip configuration decides where packages come from.
set -eu
cd "$(dirname "$0")/.."

if command -v uv >/dev/null; then
    uv=uv
else
    uv=.cache/uv/bin/uv
    if [ ! -x "$uv" ]; then
        echo "lock: no uv here; installing one into .cache/uv"
        "$(dev/python.sh)" -m venv .cache/uv
        .cache/uv/bin/python -m pip --disable-pip-version-check install --quiet uv
    fi
fi

lock() {
    echo "lock: $1 → $3"
    "$uv" pip compile "$1" --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --quiet "$2" "$3" ${4:+"$4" "$5"}
}
lock pyproject.toml --output-file requirements/server.txt --extra postgresql
lock pyproject.toml --output-file requirements/dev.txt --group dev
lock requirements/node.in --output-file requirements/node.txt
