#!/bin/sh
# Runs what the image has: uvx and uv run without a network. An environment of uv's sees it as well.
made=
if [ "$(basename "$0")" = uv ]; then
    case "$1 $2" in
        run\ *) shift ;;
        "tool run") shift 2 ;;
        venv\ *) shift; made=.venv ;;
        *) exit 0 ;;
    esac
fi
while [ $# -gt 0 ]; do
    case "$1" in
        -p|--python|-w|--with|--with-editable|--with-requirements|--from|-i|--index-url) shift 2 ;;
        --index|--default-index|--extra-index-url|--extra|--group|--project|--prompt) shift 2 ;;
        -m) break ;;
        -*) shift ;;
        *) break ;;
    esac
done
if [ "$made" ]; then exec python3 -m venv --system-site-packages --without-pip "${1:-$made}"; fi
case "$1" in
    -m|*.py) set -- python3 "$@" ;;
    python) shift; set -- python3 "$@" ;;
    *@*) tool="${1%@*}"; shift; set -- "$tool" "$@" ;;
esac
exec "$@"
