#!/bin/sh
# Makes .venv: the locked dependencies, and the project itself, editable. Where that is done it does nothing.
# One environment serves the demo and the tests. Packages come from wherever pip is configured to get them.
set -eu
cd "$(dirname "$0")/.."

log=.cache/venv.log
stamp=.venv/ci-bot.stamp
lock=requirements/dev.txt

# An environment cannot be moved, so the folder is part of what it was made for.
dependencies="dependencies $( { pwd && cat "$lock"; } | cksum)"
project="project $(cksum <pyproject.toml)"

is_done() {
    [ -f "$stamp" ] && [ -x .venv/bin/python ] && grep -qxF "$1" "$stamp"
}

pip_install() {
    .venv/bin/python -m pip --disable-pip-version-check --no-input install --quiet "$@" >>"$log" 2>&1 </dev/null
}

give_up() {
    echo "venv: $1. The end of $log:" >&2
    grep -v '^WARNING: Location' "$log" | tail -n 15 >&2
    exit 1
}

make_venv() {
    python=$(dev/python.sh)
    dev/venv_package.sh venv "$python"
    echo "venv: making .venv with $python ($("$python" -V))"
    rm -rf .venv
    "$python" -m venv .venv >>"$log" 2>&1 || give_up "$python -m venv .venv failed"
}

# Without looking for more (--no-deps): the lock names them all, so two halves are installed at once; pip uses one core.
install_dependencies() {
    echo "venv: installing $(grep -c '^[a-z0-9].*==' "$lock") locked packages (15 to 60 s; log in $log)"
    awk '/^[a-z0-9]/ { n++ } { print > (".cache/half" n % 2 ".txt") }' "$lock"
    pip_install --no-compile --no-deps --require-hashes --requirement .cache/half0.txt &
    other=$!
    pip_install --no-compile --no-deps --require-hashes --requirement .cache/half1.txt ||
        { wait "$other" || :; give_up "pip could not install $lock"; }
    wait "$other" || give_up "pip could not install $lock"
}

install_project() {
    echo "venv: installing ci-bot itself, editable"
    pip_install --no-deps --no-build-isolation --editable . || give_up "pip could not install ci-bot itself"
}

# Also where PYTHONDONTWRITEBYTECODE would have every process compile it anew; of what is installed, a part is ever used.
compile_ours() {
    .venv/bin/python -m compileall -q ci_bot dev tests >>"$log" 2>&1 || :
}

if is_done "$dependencies" && is_done "$project"; then
    exit 0
fi
mkdir -p .cache
: >"$log"
if ! is_done "$dependencies"; then
    # A changed lock is installed over the old one; a moved or broken environment is made anew.
    if ! { [ -x .venv/bin/python ] && grep -qF "$PWD/.venv" .venv/bin/activate; }; then
        make_venv
    fi
    install_dependencies
    echo "$dependencies" >"$stamp"
fi
install_project
compile_ours
printf '%s\n%s\n' "$dependencies" "$project" >"$stamp"
