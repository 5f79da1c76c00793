#!/bin/sh
# git-lfs, for the tests of `checkout.lfs`.
set -eu
cd "$(dirname "$0")/.."
command -v git-lfs >/dev/null || dev/apt.sh lfs git-lfs
