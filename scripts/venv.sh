#!/bin/sh
# Make the virtual environment: venv.sh DIR [dev]
set -eu
cd "$(dirname "$0")/.."
venv=$1
python=${PYTHON:-python3}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "arena: Python 3.11 or newer is needed; set PYTHON to one" >&2
    exit 2
fi
if [ ! -x "$venv/bin/pip" ]; then
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
            echo "== installing python3-venv"
            apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
        else
            echo "arena: this Python has no venv; install the package python3-venv" >&2
            exit 2
        fi
    fi
    echo "== making the virtual environment"
    "$python" -m venv "$venv"
    "$venv/bin/pip" install -q --upgrade 'pip>=25.3'
fi

# What requirements/ pins and nothing else (see scripts/lock.sh).
locked() {
    "$venv/bin/pip" install -q --no-deps --require-hashes "$@"
}

if [ "${2:-}" = dev ]; then
    echo "== installing what the tests need"
    locked -r requirements/dev.lock -r requirements/llm.lock
else
    echo "== installing arena"
    locked -r requirements/runtime.lock
fi
"$venv/bin/pip" install -q --no-deps --build-constraint requirements/dev.lock -e .
