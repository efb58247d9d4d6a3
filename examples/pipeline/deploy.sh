#!/bin/sh
# Check, test and deploy a workflow file. Needs FLOWPORT_URL, FLOWPORT_API_KEY and FLOWPORT_WORKSPACE_ID.
#
#   deploy.sh FILE [TESTS]
#
# RUNS is the number of recorded runs that must behave the same (default 200).
set -eu

file=$1
tests=${2:-}

flowport validate "$file"
if [ -n "$tests" ]; then
  flowport test "$tests" --junit tests.xml
fi
flowport deploy "$file" --gate "replay=${RUNS:-200}" --name "${GITHUB_SHA:-local}" --wait
