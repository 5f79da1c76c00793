#!/bin/sh
set -eu
./page.sh | grep -qx '<p>10 for 19.90 EUR</p>' || { ./page.sh && exit 1; }
echo "site: as it should be"
