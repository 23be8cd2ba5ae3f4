#!/usr/bin/env bash
# The Debian packages that the tests use: a browser, and a container engine with all it needs. Root's `make test`
# installs what is missing; anybody else is told the one line to run, before any test starts.
set -euo pipefail
packages=(chromium podman runc netavark aardvark-dns catatonit iptables mmdebstrap)
# Without root, the engine maps users, makes networks and lays file systems over each other by these.
[ "$(id -u)" -eq 0 ] || packages+=(uidmap slirp4netns fuse-overlayfs)
missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "The tests need ${missing[*]}. Run: sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
