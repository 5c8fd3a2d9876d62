#!/usr/bin/env bash
# The whole program in real browsers: Chromium by Playwright, Firefox by Puppeteer.
set -euo pipefail
cd "$(dirname "$0")/e2e"
[ -e node_modules/.package-lock.json ] && [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --silent
npm test --silent "$@"
