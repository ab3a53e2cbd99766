#!/bin/sh
# Install the package into .venv and fill the holes of the example with SIMULATED endpoints: no model is called.
#
#   sh examples/try.sh
set -eu
cd "$(dirname "$0")/.."
sh .ci/venv code,simulate
maze=$PWD/.venv/bin/maze
cd examples/humaneval

ready=$(mktemp -d)
"$maze" simulate --ready-file "$ready/urls.json" --quiet &
simulator=$!
trap 'kill $simulator 2>/dev/null || true; wait $simulator 2>/dev/null || true; rm -rf "$ready"' EXIT
trap 'exit 130' INT TERM
while ! [ -f "$ready/urls.json" ]; do
    kill -0 $simulator 2>/dev/null || exit 2 # it has said why
    sleep 0.1
done

run=try-$(date +%Y%m%d-%H%M%S)
echo "SIMULATED endpoints: the answers are recorded, no model is called. The run is called $run."
"$maze" route holes.jsonl
"$maze" refine holes.jsonl --run "$run"
"$maze" results "$run"
"$maze" metrics --run "$run"
"$maze" results "$run" --json | ../../.venv/bin/python check.py
