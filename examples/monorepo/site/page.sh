#!/bin/sh
# The page of prices: page.sh
set -eu
. "$(dirname "$0")/../shared/money.sh"
echo "<h1>Prices</h1>"
for count in 1 10; do
    echo "<p>$count for $(money $((count * 199)))</p>"
done
