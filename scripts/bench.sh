#!/bin/sh
# Every benchmark, one after the other; what they print is kept in docs/benchmarks.txt.
# Nothing else should run meanwhile. Takes about 40 minutes on two cores.
set -u
cd "$(dirname "$0")/.."
out=docs/benchmarks.txt
log=$(mktemp)
failed=0
version=$(git describe --always --dirty)

bench() {
    echo "\$ PYTHONPATH=. .venv/bin/python tests/benchmarks/$*" | tee -a "$out"
    name=$1
    shift
    PYTHONPATH=. .venv/bin/python "tests/benchmarks/$name" "$@" >"$log" 2>&1 || failed=1
    { grep -v '^\[[0-9]*/[0-9]*\]' "$log"; echo; } | tee -a "$out"  # without progress
}

{
    date -u +%Y-%m-%d
    echo "$version"
    echo "$(nproc) cores, $(uname -sm), $(.venv/bin/python --version)"
    echo
} | tee "$out"
bench stub.py
bench throughput.py 1 4 16 32
bench latency.py
bench grading.py
bench gateway.py 32
bench linear.py
bench linear.py --engine
bench reading.py
bench report.py
bench scoring.py
bench waiting.py
bench scaling.py --ray
bench node_messages.py
rm -f "$log"
exit $failed
