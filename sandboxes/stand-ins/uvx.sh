#!/bin/sh
# Runs what the image has: uvx and uv run without a network.
if [ "$(basename "$0")" = uv ]; then
    case "$1" in
        run) shift ;;
        tool) shift 2 ;;
        *) exit 0 ;;
    esac
fi
while [ $# -gt 0 ]; do
    case "$1" in
        -p|--python|-w|--with|--from|-i|--index-url|--extra-index-url) shift 2 ;;
        -m) break ;;
        -*) shift ;;
        *) break ;;
    esac
done
case "$1" in -m|*.py) set -- python3 "$@" ;; esac
exec "$@"
