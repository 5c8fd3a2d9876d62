#!/usr/bin/env bash
# Installs the Debian packages named that this computer lacks, in one go; asks for sudo only when something is missing.
set -euo pipefail
missing=()
for package in "$@"; do
  # A program on PATH that Debian would also install (a newer Node.js, say) counts as present.
  case $package in nodejs) command -v node >/dev/null && command -v npm >/dev/null && continue; package="nodejs npm" ;; esac
  for p in $package; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
  done
done
[ ${#missing[@]} -eq 0 ] && exit 0
as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "Granary needs these Debian packages; install them as root: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing what is missing: ${missing[*]}" >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
