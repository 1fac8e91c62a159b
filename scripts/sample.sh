#!/bin/sh
# Run the demo afresh and keep it with its report as reports/samples/demo.
set -eu
cd "$(dirname "$0")/.."
sample=reports/samples/demo

rm -rf "$sample"
.venv/bin/arena demo --out "$sample"
.venv/bin/arena report "$sample" --format html
# A lock means nothing in another checkout.
rm -f "$sample/run.lock"
