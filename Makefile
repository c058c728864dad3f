# `make demo` and `make test` are all that a newcomer needs; both install what is missing.

CARGO ?= cargo
TOOLS := target/tools
DENY := $(TOOLS)/bin/cargo-deny
DENY_VERSION := 0.20.2

.PHONY: help demo test check lint openapi relevance setup models bench soak crash load clean-demo

help:
	@echo "make demo        start the service with a demonstration network on http://127.0.0.1:8080"
	@echo "make test        every test, lint and format check"
	@echo "make models      fetch the language models (120 MB, once), by which meaning is compared"
	@echo "make check       format, lints, licences only"
	@echo "make openapi     write openapi/zonebridge.json anew"
	@echo "make relevance DATASETS=folder   measure relevance on sets with judgements"
	@echo "make bench       figures with LISTINGS=100000 listings, beside the floors below them (ROUNDS=5, SECONDS=6, COMPARE=old.json, PLOTS=folder)"
	@echo "make soak        MINUTES=10 of mixed load: memory, files, connections"
	@echo "make crash       ROUNDS=20 of kills under load"
	@echo "make load        SECONDS=300 of mixed load on two instances"
	@echo "make clean-demo  forget all data in .data"

setup:
	@scripts/setup

# Without the models everything works by words alone.
models:
	@scripts/models

demo: setup models
	$(CARGO) run --locked -- demo

test: check models
	$(CARGO) test --locked --workspace

check: setup lint $(DENY)
	$(DENY) check --hide-inclusion-graph bans licenses sources

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

$(DENY):
	$(CARGO) install cargo-deny --version $(DENY_VERSION) --locked --debug --root $(TOOLS)

openapi:
	$(CARGO) run --locked --quiet -- openapi > openapi/zonebridge.json

# Each set must keep the relevance that it has reached, see docs/benchmarks.md.
relevance: setup models
	@CARGO="$(CARGO)" scripts/relevance "$(DATASETS)"

# Figures for docs/benchmarks.md; the listings are made once and kept in target/bench. BENCH_OPTIONS may name a Meilisearch or a Typesense.
bench: setup models
	@scripts/setup-bench
	$(CARGO) bench --locked --bench exchange -- --listings $(or $(LISTINGS),100000) --rounds $(or $(ROUNDS),5) --seconds $(or $(SECONDS),6) \
		$(if $(COMPARE),--compare $(abspath $(COMPARE))) $(if $(PLOTS),--plots $(abspath $(PLOTS))) $(BENCH_OPTIONS)

soak: setup models
	@scripts/setup-bench
	$(CARGO) bench --locked --bench exchange -- --listings $(or $(LISTINGS),100000) --soak $(or $(MINUTES),10)

# The long forms of tests that `make test` runs briefly.
crash: setup
	CRASH_ROUNDS=$(or $(ROUNDS),20) $(CARGO) test --locked --test api crashes -- --nocapture

load: setup
	LOAD_SECONDS=$(or $(SECONDS),300) $(CARGO) test --locked --test api instances -- --nocapture

# As root the database may live outside the data folder, see README.md.
clean-demo:
	@home=$$(sed -n 's/.*"home":"\([^"]*\)".*/\1/p' .data/postgres.json 2>/dev/null); \
	case "$$home" in /var/lib/zonebridge/?*) rm -rf "$$home" ;; esac
	rm -rf .data
