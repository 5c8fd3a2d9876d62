#!/usr/bin/env bash
# Run by root: the tests that make sandboxes once more, as an ordinary user made for that. Run by anybody else: they ran so already.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" != 0 ]; then
  echo "These tests ran as an ordinary user already."
  exit 0
fi
user=granary-test
id "$user" >/dev/null 2>&1 || useradd --system --create-home --shell /usr/sbin/nologin "$user"
# In one more group, as people are.
as_user=(setpriv --reuid "$user" --regid "$user" --groups users --no-new-privs --inh-caps=-all --)
if ! "${as_user[@]}" test -x "$GRANARY_LIBEXEC/granary-launcher"; then
  echo "SKIPPED: the user $user cannot reach $PWD, so nothing was run as an ordinary user. Put the checkout where everybody may look." >&2
  exit 0
fi
home=$(getent passwd "$user" | cut -d: -f6)
runtime=$(mktemp -d); chown "$user": "$runtime"; chmod 700 "$runtime"
trap 'rm -rf "$runtime"' EXIT
runner="CARGO_TARGET_$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')_RUNNER"
env "$runner=env HOME=$home TMPDIR=$runtime XDG_RUNTIME_DIR=$runtime ${as_user[*]}" \
  cargo nextest run --locked -p granary-hostile -p granary-grain -p granary-sandbox -p granary
