# The commands of a working day. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
CARGO ?= cargo
# Words for the command that a target runs: make demo ARGS=--once
ARGS ?=

.PHONY: help demo test lint format bench fuzz setup clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make demo ARGS=--once    a guided tour that checks what it shows"

# Everything is one shell, and Ctrl-C is the demo's own way to end: exit code 130 is no failure of make's.
demo: ## tenants in three models behind one address, until Ctrl-C
	@scripts/setup.sh --demo; \
	target=$$($(CARGO) metadata --format-version 1 --no-deps --locked | sed 's/.*"target_directory":"\([^"]*\)".*/\1/'); \
	if [ ! -x "$$target/release/tenantry" ]; then \
		echo "demo: building Tenantry; the first time takes some minutes, later ones a second" >&2; \
		$(CARGO) build --release --locked -p tenantry-cli; \
	else \
		$(CARGO) build --release --locked --quiet -p tenantry-cli; \
	fi; \
	trap : INT; \
	status=0; "$$target/release/tenantry" demo $(ARGS) || status=$$?; \
	[ $$status = 130 ] || exit $$status

test: setup lint ## formatting, lints as errors, every test
	@$(CARGO) test --workspace --locked

lint: ## formatting and lints
	@$(CARGO) fmt --all --check
	@$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

format: ## formats the code
	@$(CARGO) fmt --all

bench: setup ## the gateway beside PgBouncer; rewriting; reading, compiling, auditing and drawing schemas
	@$(CARGO) run --release --locked -p tenantry-bench --bin gateway -- $(ARGS)
	@$(CARGO) run --release --locked -p tenantry-bench --bin noisy
	@$(CARGO) run --release --locked -p tenantry-bench --bin rewrite
	@$(CARGO) run --release --locked -p tenantry-bench --bin schema
	@$(CARGO) run --release --locked -p tenantry-bench --bin audit
	@$(CARGO) run --release --locked -p tenantry-bench --bin erd
	@$(CARGO) bench --locked -p tenantry-catalog --bench feed

fuzz: ## every parser under libFuzzer, five minutes each: make fuzz ARGS="--seconds 60 wire-startup"
	@scripts/fuzz.sh $(ARGS)

setup: ## installs what is missing (tells what; changes nothing if nothing is)
	@scripts/setup.sh

clean: ## removes what was built; the cache of fetched programs stays
	@$(CARGO) clean
