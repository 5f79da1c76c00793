#!/bin/sh
# Finds a Docker engine that answers; else starts or installs one where that may be done, or says what to do (ends with 2).
# DOCKER_HOST: another engine than the local one; it is never started from here.
# CI_BOT_NO_ENGINE_START=1: never start or install one.
set -eu
cd "$(dirname "$0")/.."

log=.cache/dockerd.log
pid_file=.cache/dockerd.pid

say() {
    echo "engine: $1"
}

give_up() {
    for line in "$@"; do
        [ -z "$line" ] || echo "engine: $line" >&2
    done
    exit 2
}

# Sets `answer` to words, and `code` as in ping_engine.py.
ping() {
    code=0
    answer=$("$python" dev/ping_engine.py) || code=$?
}

python=.venv/bin/python
[ -x "$python" ] || python=$(dev/python.sh)

# Another context of the docker command (rootless, Desktop) is not what DOCKER_HOST says; name it if it differs.
hint_at_context() {
    host=$(timeout 5 docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || host=
    case $host in
        '' | unix:///var/run/docker.sock) ;;
        *) echo "The docker command uses the engine at $host; to use it here too: export DOCKER_HOST=$host" ;;
    esac
}

may_start_or_give_up() {
    [ "$code" != 3 ] || give_up "$answer" \
        "Next: sudo usermod -aG docker $(id -un), log in again, and repeat; or run this as root."
    case ${DOCKER_HOST:-} in
        '' | unix:///var/run/docker.sock | unix:///run/docker.sock) ;;
        *) give_up "$answer" "Next: start that engine, or unset DOCKER_HOST to use the local one." ;;
    esac
    if [ "${CI_BOT_NO_ENGINE_START:-}" = 1 ]; then
        give_up "$answer, and CI_BOT_NO_ENGINE_START=1 forbids to start one" \
            "Next: start Docker, or unset CI_BOT_NO_ENGINE_START."
    fi
    [ "$(uname)" = Linux ] || give_up "$answer" "Next: start Docker Desktop or the like, and repeat."
    [ "$(id -u)" = 0 ] || give_up "$answer" "$(hint_at_context)" \
        "Next: start it (sudo systemctl start docker), or install it (sudo apt-get install docker.io iptables)," \
        "and let $(id -un) use it (sudo usermod -aG docker $(id -un), then log in again)."
}

dockerd_is_running() {
    daemon=$(cat /var/run/docker.pid 2>/dev/null) && [ "$(cat "/proc/$daemon/comm" 2>/dev/null)" = dockerd ]
}

# After a machine lost its processes but not its files, another process may have the number: dockerd would not start.
forget_the_dead() {
    for name in dockerd:/var/run/docker.pid containerd:/var/run/docker/containerd/containerd.pid; do
        file=${name#*:}
        if number=$(cat "$file" 2>/dev/null) && [ "$(cat "/proc/$number/comm" 2>/dev/null)" != "${name%%:*}" ]; then
            say "removing $file: it is left over from an engine that is gone"
            rm -f "$file"
        fi
    done
}

start() {
    if dockerd_is_running; then
        say "dockerd is running already; waiting until it answers"
    elif [ -d /run/systemd/system ]; then
        say "starting Docker (systemctl start docker)"
        systemctl start docker || give_up "systemctl could not start Docker. Next: journalctl -u docker"
    else
        forget_the_dead
        say "starting dockerd in the background (log in $log; to stop it: kill \$(cat $pid_file))"
        # Each container starts dockerd's binary three times over, and each time it collects garbage of its start.
        GOGC=${GOGC:-400} setsid dockerd >"$log" 2>&1 </dev/null &
        echo $! >"$pid_file"
    fi
}

# Up to 60 s; ends early where dockerd ended.
wait_for_answer() {
    tries=0
    while ping && [ "$code" != 0 ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 120 ] || { [ "$tries" -gt 4 ] && ! is_starting; }; then
            explain_failure
        fi
        sleep 0.5
    done
}

is_starting() {
    [ -d /run/systemd/system ] || dockerd_is_running ||
        { mine=$(cat "$pid_file" 2>/dev/null) && kill -0 "$mine" 2>/dev/null; }
}

explain_failure() {
    if [ -f "$log" ]; then
        echo "engine: the end of $log:" >&2
        tail -n 12 "$log" | cut -c1-300 >&2
        if grep -qi iptables "$log"; then
            give_up "dockerd did not start: iptables does not work with this kernel." \
                "Next: update-alternatives --set iptables /usr/sbin/iptables-legacy, and repeat."
        fi
    fi
    give_up "dockerd did not start; in a container it needs all privileges. Next: use a machine where it may run," \
        "or point DOCKER_HOST at an engine elsewhere."
}

mkdir -p .cache
ping
if [ "$code" != 0 ]; then
    may_start_or_give_up
    say "$answer"
    if ! command -v dockerd >/dev/null; then
        dev/apt.sh engine docker.io 'docker-cli?' iptables # Debian 13 has the docker command in a package of its own
        ping
    fi
    if [ "$code" != 0 ]; then
        start
        wait_for_answer
    fi
fi
say "$answer"
