#!/bin/sh
# Writes the base system that all sandboxes stand on to stdout, as a tar: base.sh > base.tar
#
# Debian, bootstrapped from the machine's package mirror; needs root on Debian or Ubuntu. Used where
# no image registry answers; where one does, ARENA_BASE=pull takes the image named in base.toml.
#
# ARENA_DEBIAN_MIRROR  package mirror; the machine's own when it is a Debian, else deb.debian.org
#
# The proxy of apt and of the environment are used for the download. Neither they nor the mirror's
# address stay in the tree.
set -eu

say() { printf 'base image: %s\n' "$*" >&2; }
give_up() { printf 'base image: %s\n' "$*" >&2; exit 2; }

suite=bookworm
public_mirror=http://deb.debian.org/debian
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

host_mirror() {  # the first main archive of Debian that this machine's apt uses
    [ "$(. /etc/os-release && echo "${ID:-}")" = debian ] || return 0
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' \
        2>/dev/null | awk '$3 == "main" && $2 !~ /-/ { print $1; exit }'
}

apt_proxy() {  # http or https
    apt-config dump "Acquire::$1::Proxy" 2>/dev/null | sed -n 's/^.*"\(.*\)";$/\1/p' |
        sed '/^DIRECT$/d' | head -n 1
}

need() {  # file that must be there, package that brings it
    [ -e "$1" ] && return 0
    say "installing $2"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq install --yes --no-install-recommends "$2" >"$log" 2>&1 ||
        { apt-get -qq update >"$log" 2>&1 || true
          apt-get -qq install --yes --no-install-recommends "$2" >"$log" 2>&1; } ||
        give_up "apt-get could not install $2: $(tail -n 1 "$log")"
}

slim() {
    rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* "$tree"/var/log/* "$tree"/debootstrap
    for part in doc man info locale; do
        rm -rf "$tree/usr/share/$part"/*
        echo "path-exclude=/usr/share/$part/*"
    done >"$tree/etc/dpkg/dpkg.cfg.d/arena"
    mkdir -p "$tree/var/cache/apt/archives/partial"
    printf 'APT::Install-Recommends "false";\nAcquire::Languages "none";\n' \
        >"$tree/etc/apt/apt.conf.d/arena"
    {
        echo "deb $public_mirror $suite main"
        echo "deb $public_mirror $suite-updates main"
        echo "deb $public_mirror-security $suite-security main"
    } >"$tree/etc/apt/sources.list"
    : >"$tree/etc/resolv.conf"
    : >"$tree/etc/machine-id"
    echo sandbox >"$tree/etc/hostname"
}

[ ! -t 1 ] || give_up "writes a tar to stdout; send it to a file or to 'docker import -'"
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    give_up "bootstrapping needs root on Debian or Ubuntu; set ARENA_BASE=pull to take the base" \
        "image from a registry (ARENA_REGISTRY_MIRROR names another one)"
fi
tree=$(mktemp -d "${TMPDIR:-/var/tmp}/arena-base.XXXXXX")
log=$tree.log
trap 'rm -rf "$tree" "$log"' EXIT
trap 'exit 130' INT TERM
need /usr/sbin/debootstrap debootstrap
need "$keyring" debian-archive-keyring
mirror=${ARENA_DEBIAN_MIRROR:-$(host_mirror)}
http_proxy=${http_proxy:-$(apt_proxy http)}
https_proxy=${https_proxy:-$(apt_proxy https)}
export http_proxy https_proxy
say "bootstrapping Debian $suite from the package mirror (about half a minute)"
debootstrap --variant=minbase --keyring="$keyring" "$suite" "$tree" "${mirror:-$public_mirror}" \
    >"$log" 2>&1 || give_up "debootstrap failed: $(tail -n 1 "$log")"
slim
tar --numeric-owner -C "$tree" -c .
say "done"
