#!/usr/bin/env bash
# Fuzzes for SECONDS each: run.sh SECONDS [TARGET...]; all targets when none is named. Stops with an error when one finds something.
#
# The seeds in tests/fuzz/corpus stay as they are; what a run learns goes to target/fuzz-corpus, and what breaks a target to
# target/fuzz-artifacts. Sanitizers belong to the nightly compiler; RUSTC_BOOTSTRAP lets the stable one have them.
set -euo pipefail
cd "$(dirname "$0")/../.."
fuzz=tests/fuzz built=target/fuzz triple=$(rustc -vV | sed -n 's/^host: //p')

seconds=${1:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "usage: $0 SECONDS [TARGET...]" >&2; exit 2; }
shift || true
mapfile -t known < <(sed -n 's/^path = "targets\/\(.*\)\.rs"$/\1/p' $fuzz/Cargo.toml)
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=("${known[@]}")
for target in "${targets[@]}"; do
  [ -f "$fuzz/targets/$target.rs" ] || { echo "No target $target; there are: ${known[*]}" >&2; exit 2; }
done

cargo fuzz --version >/dev/null 2>&1 || {
  echo "Installing cargo-fuzz" >&2
  cargo install --locked cargo-fuzz
}
# cargo-fuzz has no --locked of its own.
cargo fetch --locked --target "$triple" --manifest-path $fuzz/Cargo.toml || {
  echo "If $fuzz/Cargo.lock is behind: cargo metadata --manifest-path $fuzz/Cargo.toml >/dev/null" >&2
  exit 1
}
export RUSTC_BOOTSTRAP=1 ASAN_OPTIONS=detect_odr_violation=0
cargo fuzz build --fuzz-dir $fuzz --target-dir $built --sanitizer address

broken=()
for target in "${targets[@]}"; do
  grown=target/fuzz-corpus/$target artifacts=target/fuzz-artifacts/$target log=target/fuzz-artifacts/$target.log
  mkdir -p "$grown" "$artifacts"
  options=(-max_total_time="$seconds" -timeout=20 -rss_limit_mb=3072 -print_final_stats=1 -artifact_prefix="$artifacts/")
  [ -f "$fuzz/dictionaries/$target.dict" ] && options+=(-dict="$fuzz/dictionaries/$target.dict")
  echo "== $target, $seconds s"
  # The program that was just built is run as it is: `cargo fuzz run` would make its own corpus folder among the sources.
  if "$built/$triple/release/$target" "${options[@]}" "$grown" "$fuzz/corpus/$target" >"$log" 2>&1; then
    sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\) second.*/   \1 executions in \2 s/p' "$log"
  else
    broken+=("$target")
    tail -n 60 "$log" >&2
    echo "== $target is broken. Its output is in $log, its input in:" >&2
    sed -n 's/.*Test unit written to \(.*\)$/   \1/p' "$log" >&2
    echo "   Again: $built/$triple/release/$target INPUT" >&2
  fi
done
[ ${#broken[@]} -eq 0 ] || { echo "== Broken: ${broken[*]}" >&2; exit 1; }
echo "== Nothing found in: ${targets[*]}"
