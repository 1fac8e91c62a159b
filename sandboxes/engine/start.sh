#!/bin/sh
# Makes sure that a container engine answers; does nothing where one does.
#
# As root on Debian or Ubuntu it installs docker.io from the package mirror and starts dockerd.
# Anywhere else it says what to install and exits 2.
#
# DOCKER_HOST is respected: an engine that was named but does not answer is an error, not a reason
# to start another one.
set -eu

say() { printf 'engine: %s\n' "$*" >&2; }
give_up() { printf 'engine: %s\n' "$*" >&2; exit 2; }

socket=/var/run/docker.sock

answers() {
    if command -v docker >/dev/null 2>&1; then
        timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
    elif [ -z "${DOCKER_HOST:-}" ] && command -v curl >/dev/null 2>&1; then
        curl --silent --fail --max-time 10 --unix-socket "$socket" http://engine/_ping >/dev/null 2>&1
    else
        python3 - "${DOCKER_HOST:-unix://$socket}" 2>/dev/null <<'PY'
import socket, sys, urllib.parse
url = urllib.parse.urlsplit(sys.argv[1])
if url.scheme == "unix":
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(10)
    link.connect(url.path)
else:
    link = socket.create_connection((url.hostname, url.port or 2375), 10)
link.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
sys.exit(b" 200 " not in link.recv(64))
PY
    fi
}

wait_for_answer() {  # seconds, pid of the daemon or ""
    for _ in $(seq "$1"); do
        answers && return 0
        [ -z "$2" ] || kill -0 "$2" 2>/dev/null || return 1
        sleep 1
    done
    return 1
}

install() {  # packages; the lists of a fresh machine are empty, those of an old one stale
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq install --yes --no-install-recommends "$@" >>"$log" 2>&1 && return 0
    apt-get -qq update >>"$log" 2>&1 || true
    apt-get -qq install --yes --no-install-recommends "$@" >>"$log" 2>&1
}

install_engine() {
    say "installing docker.io and iptables from the package mirror"
    install docker.io iptables ca-certificates ||
        give_up "apt-get could not install docker.io, see $log"
    # Since Debian 13 the command line is a package of its own. It is convenient, not needed.
    command -v docker >/dev/null 2>&1 || install docker-cli || true
}

mount_cgroups() {  # a machine without an init system may have none mounted, and dockerd needs them
    [ -e /sys/fs/cgroup/cgroup.controllers ] || [ -d /sys/fs/cgroup/memory ] && return 0
    say "mounting control groups"
    install cgroupfs-mount ||
        give_up "control groups are not mounted and cgroupfs-mount cannot be installed, see $log"
    [ -d /sys/fs/cgroup/memory ] || cgroupfs-mount >>"$log" 2>&1 ||
        give_up "control groups cannot be mounted here, see $log; use a machine that allows it"
}

launch() {
    rm -f /var/run/docker.pid
    setsid dockerd </dev/null >>"$log" 2>&1 &
    daemon=$!
    wait_for_answer "${ARENA_ENGINE_WAIT:-60}" "$daemon"
}

start_engine() {
    if [ -d /run/systemd/system ]; then
        say "starting the docker service"
        systemctl start docker >>"$log" 2>&1 || true
        wait_for_answer 30 "" && return 0
        give_up "the docker service does not answer; see 'journalctl -u docker'"
    fi
    mount_cgroups
    say "starting dockerd, log in $log"
    launch && return 0
    if grep -q -i iptables "$log" && command -v iptables-legacy >/dev/null 2>&1; then
        say "trying again with iptables-legacy"
        update-alternatives --set iptables "$(command -v iptables-legacy)" >>"$log" 2>&1 || true
        launch && return 0
    fi
    give_up "dockerd did not start: $(tail -n 1 "$log")"
}

if answers; then
    say "an engine answers"
    exit 0
fi
if [ -n "${DOCKER_HOST:-}" ]; then
    give_up "no engine answers at DOCKER_HOST; start it, or unset DOCKER_HOST"
fi
if [ -S "$socket" ] && [ ! -w "$socket" ]; then
    give_up "$socket is there but not yours to use; add yourself to the group docker" \
        "(sudo usermod -aG docker \$USER, then log in again) or run as root"
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    give_up "no container engine answers. Install Docker (Debian, Ubuntu:" \
        "'sudo apt-get install docker.io iptables && sudo systemctl start docker') or any engine" \
        "with a Docker-compatible socket and set DOCKER_HOST, or run this as root on Debian or Ubuntu"
fi

log_dir=/var/log
[ -w "$log_dir" ] || log_dir=${TMPDIR:-/tmp}
log=$log_dir/arena-dockerd.log
touch "$log"
command -v dockerd >/dev/null 2>&1 || install_engine
answers || start_engine
say "an engine answers"
