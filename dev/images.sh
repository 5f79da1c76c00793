#!/bin/sh
# Makes the images of the demo and the tests in the Docker engine, and does nothing where they are there: images.sh [NAME...]
# CI_BOT_NO_PULL=1: never ask a registry; packages only.
set -eu
cd "$(dirname "$0")/.."
if [ ! -x .venv/bin/python ]; then
    echo "images: the environment is missing. Next: dev/venv.sh" >&2
    exit 2
fi
exec .venv/bin/python -m dev.images "$@"
