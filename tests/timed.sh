#!/usr/bin/env bash
# Runs one phase of `make test` and notes how long it took: timed.sh LABEL COMMAND...; --start and --report frame the run.
set -euo pipefail
notes=target/timings.tsv
mkdir -p target
case $1 in
  --start) : > "$notes"; exit 0 ;;
  --report)
    echo; echo "Where the time went:"
    awk -F '\t' '{ printf "  %6d s  %s\n", $1, $2; sum += $1 } END { printf "  %6d s  in all\n", sum }' "$notes"
    exit 0 ;;
esac
label=$1; shift
echo "== $label"
began=$(date +%s)
status=0
"$@" || status=$?
printf '%s\t%s\n' "$(( $(date +%s) - began ))" "$label" >> "$notes"
if [ "$status" != 0 ]; then echo "== $label: failed ($status)" >&2; "$0" --report; fi
exit "$status"
