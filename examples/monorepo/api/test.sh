#!/bin/sh
set -eu
answer=$(./price.sh 3)
[ "$answer" = '{"count": 3, "price": "5.97 EUR"}' ] || { echo "price.sh 3 says $answer" && exit 1; }
echo "api: as it should be"
