#!/bin/sh
# Installs the small LaTeX that the report's tests compile tables with, where it is missing.
set -eu

if command -v pdflatex >/dev/null 2>&1 && kpsewhich booktabs.sty >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "tests/setup-latex.sh: no LaTeX with booktabs here; install one" \
        "(Debian: apt-get install texlive-latex-recommended)" >&2
    exit 1
fi
echo "Installing LaTeX for the tests of exported tables ..."
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends texlive-latex-base texlive-latex-recommended >/dev/null
