#!/bin/sh
# Locks every dependency with its hashes; run it after changing pyproject.toml. Needs `uv`.
# The lock files name no registry, so the machine's own pip configuration decides where packages come from.
set -eu
cd "$(dirname "$0")/.."
lock() {
    uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links --quiet "$@"
}
lock pyproject.toml --output-file requirements/server.txt
lock pyproject.toml --group dev --output-file requirements/dev.txt
lock requirements/node.in --output-file requirements/node.txt
