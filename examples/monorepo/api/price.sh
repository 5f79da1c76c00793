#!/bin/sh
# The price of COUNT things as JSON: price.sh COUNT
set -eu
. "$(dirname "$0")/../shared/money.sh"
printf '{"count": %d, "price": "%s"}\n' "$1" "$(money $(($1 * 199)))"
