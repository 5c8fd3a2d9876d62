#!/usr/bin/env bash
# Packs the starter apps: starters.sh GRANARY OUTPUT-FOLDER APP...
# Their keys are public on purpose: a key names an app, and the appliance takes packages with these names from its own folder only.
set -euo pipefail
granary=$1 out=$2; shift 2
guests=target/guest/bin
describe() {
  case $1 in
    notes) title=Notes noun=note text="Markdown notes that several people can edit at once." ;;
    files) title=Files noun="box of files" text="Files of any size: upload, look at, download." ;;
    *) echo "no starter app is called $1" >&2; exit 1 ;;
  esac
}
stage=$(mktemp -d); trap 'rm -rf "$stage"' EXIT
mkdir -p "$out"
for app in "$@"; do
  describe "$app"
  mkdir -p "$stage/$app"
  install -m 755 "$guests/granary-$app" "$stage/$app/$app"
  # The same bytes give the same package, whenever it is packed.
  touch -d @0 "$stage/$app/$app" "$stage/$app"
  "$granary" spk pack "$stage/$app.spk" --from "$stage/$app" --raw --key "runtime/apps/$app/app.key" --title "$title" --noun "$noun" \
    --description "$text" --icon "runtime/apps/$app/icon.svg" --app-version 1 --marketing-version 0.1 -- "/$app" >/dev/null
  mv "$stage/$app.spk" "$out/$app.spk"
done
