#!/bin/sh
# Everything at full counts; what it came to is kept in docs/test-all.txt.
set -u
cd "$(dirname "$0")/.."
out=docs/test-all.txt
log=$(mktemp)
failed=0

step() {
    name=$1
    shift
    began=$(date +%s)
    if "$@" >"$log" 2>&1; then result=ok; else result=FAILED; failed=1; cat "$log" >&2; fi
    line="$name: $result in $(($(date +%s) - began)) s; $(tail -n 1 "$log")"
    echo "$line"
    echo "$line" >>"$out"
}

{
    date -u +%Y-%m-%d
    git describe --always --dirty
    echo "$(nproc) cores, $(uname -sm), $(.venv/bin/python --version)"
} >"$out"
step "pytest, slow ones too" .venv/bin/pytest -q -n 2 --dist worksteal
step "tasks check core, five times" .venv/bin/arena tasks check core --repeat 5
step "tasks check controls, five times" .venv/bin/arena tasks check controls --repeat 5
rm -f "$log"
exit $failed
