#!/usr/bin/env bash
# The Debian packages that the tests use: a browser, readers of PDF and DICOM, and a container engine with all it needs.
# Root's `make test` installs what is missing; anybody else is told the one line to run, before any test starts.
set -euo pipefail
packages=(chromium poppler-utils dcmtk orthanc orthanc-dicomweb podman runc netavark aardvark-dns catatonit iptables mmdebstrap)
# Without root, the engine maps users, makes networks and lays file systems over each other by these.
[ "$(id -u)" -eq 0 ] || packages+=(uidmap slirp4netns fuse-overlayfs)
missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ "$(id -u)" -ne 0 ]; then
    if [ ${#missing[@]} -gt 0 ]; then
        echo "The tests need ${missing[*]}. Run: sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    if [ ! -w /dev/net/tun ]; then
        echo "The tests' containers need a network. Run: sudo chmod 666 /dev/net/tun" >&2
        exit 1
    fi
    if ! grep -q "^$(id -un):" /etc/subuid || ! grep -q "^$(id -un):" /etc/subgid; then
        echo "The tests' containers need users. Run: sudo usermod --add-subuids 100000-165535" \
            "--add-subgids 100000-165535 $(id -un)" >&2
        exit 1
    fi
fi
[ ${#missing[@]} -eq 0 ] && exit 0
echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
