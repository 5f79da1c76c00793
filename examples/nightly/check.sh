#!/bin/sh
# Fails if a text has a word that is not in the list: check.sh DIRECTORY TEXT...
set -eu
words=$1/words
shift
unknown=$(cat "$@" | tr 'A-Z' 'a-z' | tr -cs 'a-z' '\n' | grep . | grep -vxFf "$words" || true)
[ -z "$unknown" ] || { echo "unknown words:" $unknown && exit 1; }
echo "all words are known"
