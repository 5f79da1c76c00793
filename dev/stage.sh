#!/bin/sh
# Runs one stage with a headline, and says how long it took: stage.sh NAME COMMAND [ARGUMENT...]
set -eu
name=$1
shift

now() {
    time=$(date +%s%3N)
    case $time in *N*) time=$(date +%s)000 ;; esac # other systems' date knows no fractions
    echo "$time"
}

took() {
    tenths=$((($(now) - start) / 100))
    echo "$((tenths / 10)).$((tenths % 10)) s"
}

bold='' plain=''
if [ -t 1 ]; then
    bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi

start=$(now)
printf '\n%s== %s%s\n' "$bold" "$name" "$plain"
status=0
"$@" || status=$?
if [ "$status" = 0 ]; then
    printf '%s   done in %s%s\n' "$bold" "$(took)" "$plain"
else
    printf '%s   FAILED after %s: %s%s\n' "$bold" "$(took)" "$name" "$plain" >&2
fi
exit "$status"
