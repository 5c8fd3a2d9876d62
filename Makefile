# Granary's commands. `make help` lists them; each installs what it lacks.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

TRIPLE      := $(shell rustc -vV | sed -n 's/^host: //p')
GUEST_BIN   := target/guest/bin
GUESTS      := granary-launcher granary-http-bridge granary-notes granary-files
TEST_GUESTS := granary-hostile granary-test-http granary-test-raw
TEST_BINS   := $(TEST_GUESTS) granary-first-byte granary-launcher-unfenced
STARTERS    := notes files
LOCKED      := --locked
SUDO        := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# Debian packages, one list for each purpose.
APT_BUILD := build-essential ca-certificates capnproto libcapnp-dev curl nodejs pkg-config xz-utils
APT_RUN   := libnss3-tools xdg-utils
APT_DESKTOP := libwebkit2gtk-4.1-dev libayatana-appindicator3-dev librsvg2-dev glib-networking shared-mime-info adwaita-icon-theme
APT_TEST_DESKTOP := xvfb openbox xdotool x11-utils x11-apps dbus dbus-daemon webkit2gtk-driver libglib2.0-bin
APT_TEST  := chromium firefox-esr libnss3-tools bubblewrap gnupg iproute2 openssl python3-venv dbus dbus-daemon strace util-linux fonts-dejavu-core fonts-wqy-microhei
APT_BENCH := nginx-light wrk

timed = tests/timed.sh

.PHONY: help
help: ## Show this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | column -t -s '|'

# ---------------------------------------------------------------- what each command needs

.PHONY: deps-build deps-run deps-test deps-bench
deps-build: ; @tests/apt.sh $(APT_BUILD)
deps-run: ; @tests/apt.sh $(APT_BUILD) $(APT_RUN) $(APT_DESKTOP)
deps-test: ; @tests/apt.sh $(APT_BUILD) $(APT_RUN) $(APT_DESKTOP) $(APT_TEST) $(APT_TEST_DESKTOP)
deps-bench: ; @tests/apt.sh $(APT_BUILD) $(APT_TEST) $(APT_BENCH)

# ---------------------------------------------------------------- building

UI_SOURCES := $(shell find app-ui -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

app-ui/node_modules/.package-lock.json: app-ui/package-lock.json
	cd app-ui && npm ci --no-audit --no-fund

app-ui/dist/index.html: app-ui/node_modules/.package-lock.json $(UI_SOURCES)
	cd app-ui && npm run build
	@touch $@

.PHONY: ui
ui: app-ui/dist/index.html

.PHONY: guests test-guests
guests: ## Build the small static programs: launcher, bridge, starter apps
	RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static" cargo build $(LOCKED) --profile guest --target $(TRIPLE) $(addprefix -p ,$(GUESTS))
	@mkdir -p $(GUEST_BIN) && cp -p --remove-destination $(addprefix target/$(TRIPLE)/guest/,$(GUESTS)) $(GUEST_BIN)/

test-guests:
	RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static" cargo build $(LOCKED) --profile guest --target $(TRIPLE) $(addprefix -p ,$(GUESTS) $(TEST_GUESTS))
	@mkdir -p $(GUEST_BIN) && cp -p --remove-destination $(addprefix target/$(TRIPLE)/guest/,$(GUESTS) $(TEST_BINS)) $(GUEST_BIN)/

.PHONY: build
build: deps-build guests ui ## Build the optimised program: target/release/granary, complete
	cargo build --release $(LOCKED) -p granary
	@cp -p --remove-destination $(addprefix $(GUEST_BIN)/,$(GUESTS)) target/release/
	@tests/starters.sh target/release/granary target/release/starter $(STARTERS)

.PHONY: run
run: deps-run build ## Build and start Granary; opens its window, or without a display prints the one-time URL
	@if [ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]; then \
	  cargo build --release $(LOCKED) -p granary-desktop && exec target/release/granary-desktop; \
	else target/release/granary trust install --ask || true; exec target/release/granary serve --open; fi

# ---------------------------------------------------------------- checking

.PHONY: test
test: deps-test ## Run every test
	@tests/timed.sh --start
	@$(timed) "user interface: build"  $(MAKE) --no-print-directory ui
	@$(timed) "user interface: tests"  tests/ui.sh
	@$(timed) "guests: build"          $(MAKE) --no-print-directory test-guests
	@$(timed) "tests: build"           cargo nextest run $(LOCKED) --workspace --no-run
	@$(timed) "program: build"         cargo build $(LOCKED) -p granary
	@$(timed) "starter apps: pack"     tests/starters.sh target/debug/granary $(GUEST_BIN)/starter $(STARTERS)
	@$(timed) "tests: run"             env GRANARY_LIBEXEC=$(CURDIR)/$(GUEST_BIN) cargo nextest run $(LOCKED) --workspace -E 'not binary_id(granary-desktop::desktop)'
	@$(timed) "tests: ordinary user"   env GRANARY_LIBEXEC=$(CURDIR)/$(GUEST_BIN) tests/as-user.sh
	@$(timed) "desktop: windows"       env GRANARY_LIBEXEC=$(CURDIR)/$(GUEST_BIN) tests/desktop.sh
	@$(timed) "browsers: end to end"   env GRANARY_LIBEXEC=$(CURDIR)/$(GUEST_BIN) tests/e2e.sh
	@tests/timed.sh --report

.PHONY: lint fmt
lint: ## Check formatting and lints
	cargo fmt --all --check
	cargo clippy $(LOCKED) --workspace --all-targets -- -D warnings

fmt: ## Format the code
	cargo fmt --all

.PHONY: bench
bench: deps-bench build test-guests ## Measure against peers in one run; prints ratios beside their targets (SECTIONS="warm memory" for some)
	cargo build --release $(LOCKED) -p granary-hostile --example sandbox-bench -p granary-grain --example vat-bench
	cargo build --release $(LOCKED) -p granary-bench
	GRANARY_LIBEXEC=$(CURDIR)/target/release target/release/granary-bench $(SECTIONS)

.PHONY: fuzz
FUZZ_SECONDS ?= 60
fuzz: deps-build ## Run each fuzz target for FUZZ_SECONDS (60)
	tests/fuzz/run.sh $(FUZZ_SECONDS)
