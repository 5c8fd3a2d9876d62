#!/usr/bin/env bash
# The user interface's own tests: types, components, logic; and that its types are the API's.
set -euo pipefail
cd "$(dirname "$0")/../app-ui"
npm run --silent check
npm run --silent test
