#!/usr/bin/env bash
# The Debian programs that the tests use. Root's `make test` installs what is missing; anybody else is
# told the one line to run, before any test starts.
set -euo pipefail
declare -A program_of=([chromium]=chromium)
missing=()
for package in "${!program_of[@]}"; do
    command -v "${program_of[$package]}" >/dev/null || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "The tests need ${missing[*]}. Run: sudo apt-get install -y ${missing[*]}" >&2
    exit 1
fi
echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
