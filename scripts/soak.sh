#!/bin/bash
# Random walks with a new seed each, until the time is over. Not part of the tests: those walk fixed seeds.
#
# usage: scripts/soak.sh [MINUTES] [WORD...]     60 minutes if not said; WORDs go to test/walk (--steps 5000, --walkers 5, ...)
#
# Prints the seeds that failed; the log of each lies in $TMPDIR/tsaufs-soak.SEED. Exit code 1 if there were any.
set -uo pipefail
cd "$(dirname "$0")/.."
end=$((SECONDS + ${1:-60} * 60))
shift || true
walked=0
failed=0
while [ $SECONDS -lt $end ]; do
  seed=$((RANDOM * 32768 + RANDOM))
  log=${TMPDIR:-/tmp}/tsaufs-${TSAUFS_SOAK_NAME:-soak}.$seed
  walked=$((walked + 1))
  if node "dist/test/${TSAUFS_SOAK_TEST:-walk/walk}.test.js" --seed $seed "$@" >"$log" 2>&1; then
    rm "$log"
  else
    failed=$((failed + 1))
    echo "seed $seed failed: $log"
  fi
done
echo "$walked walks, $failed failed"
[ $failed -eq 0 ]
