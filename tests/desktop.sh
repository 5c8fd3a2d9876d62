#!/usr/bin/env bash
# The desktop program in real windows, each test on a display, a bus and (the hostile page) a network of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked -p granary-desktop --examples
# The same choice of packages as before, so that nothing is built twice; two at a time, for each draws without a graphics card.
cargo nextest run --locked --workspace -E 'binary_id(granary-desktop::desktop)' --test-threads 2 "$@"
