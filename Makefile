# `make demo` and `make test` are all that a newcomer needs; both install what is missing.

CARGO ?= cargo
TOOLS := target/tools
DENY := $(TOOLS)/bin/cargo-deny
DENY_VERSION := 0.20.2

.PHONY: help demo test check lint openapi relevance setup clean-demo

help:
	@echo "make demo        start the service with a demonstration network on http://127.0.0.1:8080"
	@echo "make test        every test, lint and format check"
	@echo "make check       format, lints, licences only"
	@echo "make openapi     write openapi/zonebridge.json anew"
	@echo "make relevance DATASETS=folder   measure relevance on sets with judgements"
	@echo "make clean-demo  forget all data in .data"

setup:
	@scripts/setup

demo: setup
	$(CARGO) run --locked -- demo

test: check
	$(CARGO) test --locked

check: setup lint $(DENY)
	$(DENY) check --hide-inclusion-graph bans licenses sources

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

$(DENY):
	$(CARGO) install cargo-deny --version $(DENY_VERSION) --locked --debug --root $(TOOLS)

openapi:
	$(CARGO) run --locked --quiet -- openapi > openapi/zonebridge.json

# Each set must keep the relevance that it has reached, see docs/benchmarks.md.
relevance: setup
	@CARGO="$(CARGO)" scripts/relevance "$(DATASETS)"

# As root the database may live outside the data folder, see README.md.
clean-demo:
	@home=$$(sed -n 's/.*"home":"\([^"]*\)".*/\1/p' .data/postgres.json 2>/dev/null); \
	case "$$home" in /var/lib/zonebridge/?*) rm -rf "$$home" ;; esac
	rm -rf .data
