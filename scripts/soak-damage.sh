#!/bin/bash
# Damage to branches with a new seed each, until the time is over. Not part of the tests: those try fixed seeds.
#
# usage: scripts/soak-damage.sh [MINUTES] [WORD...]     60 minutes if not said; WORDs go to test/damage (--deeds 60, ...)
#
# Prints the seeds that failed; the log of each lies in $TMPDIR/tsaufs-damage.SEED. Exit code 1 if there were any.
TSAUFS_SOAK_TEST=damage/damage TSAUFS_SOAK_NAME=damage exec "$(dirname "$0")/soak.sh" "$@"
