#!/bin/sh
# Everything that `make demo` or `make test` needs on a fresh machine: setup.sh demo|test
# The environment, the engine and GitHub's description do not wait for each other; the images need the first two.
# For the tests an engine is wanted, and needed with CI_BOT_REQUIRE_DOCKER=1; the demo always needs one.
set -eu
cd "$(dirname "$0")/.."

need_engine=${CI_BOT_REQUIRE_DOCKER:-0}
case ${1:-test} in
    demo) need_engine=1 images=ci-bot/busybox:1 description=true browser=true lfs=true postgresql=true ;;
    test)
        images= description=dev/forge_description.sh
        browser=dev/browser.sh lfs=dev/lfs.sh postgresql=dev/postgresql.sh
        ;;
    *) echo "setup.sh demo|test" >&2 && exit 2 ;;
esac

engine_job='' description_job='' browser_job='' lfs_job='' postgresql_job=''
trap 'kill $engine_job $description_job $browser_job $lfs_job $postgresql_job 2>/dev/null || :; exit 130' INT TERM

mkdir -p .cache
dev/engine.sh &
engine_job=$!
"$description" &
description_job=$!
"$browser" &
browser_job=$!
"$lfs" &
lfs_job=$!
"$postgresql" &
postgresql_job=$!

venv=0 engine=0 brought=0
dev/venv.sh || venv=$?
wait "$engine_job" || engine=$?
wait "$description_job" || brought=$?
wait "$browser_job" || echo "set-up: no browser (why: see above); the tests that drive one will be skipped"
wait "$lfs_job" || echo "set-up: no git-lfs (why: see above); the tests of large files will be skipped"
wait "$postgresql_job" || echo "set-up: no PostgreSQL (why: see above); the tests that need one will be skipped"
[ "$venv" = 0 ] || exit "$venv"
[ "$brought" = 0 ] || exit "$brought"

if [ "$engine" = 0 ]; then
    if [ "${1:-test}" = test ] && ! dev/registry.sh; then
        [ "$need_engine" = 0 ] || { echo "set-up: without a registry this cannot go on" >&2 && exit 2; }
        echo "set-up: no private registry (why: see above); the tests of its images will be skipped"
    fi
    # shellcheck disable=SC2086  # no name at all means all images
    exec dev/images.sh $images
elif [ "$need_engine" = 1 ]; then
    echo "set-up: without a Docker engine this cannot go on (why: see above)" >&2
    exit "$engine"
fi
echo "set-up: no Docker engine (why: see above); the tests that need one will be skipped"
