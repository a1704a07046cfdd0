# One-word verbs. `make check` is exactly what CI runs.
SHELL := bash
PY := .venv/bin/python
T ?= tests

.DEFAULT_GOAL := help
.PHONY: help run status stop test check lint types laws generated generate format reset lock bench bench-quick

help: ## what can be done here
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-10s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make run TLS=1           everything over TLS, from a local certificate authority"
	@echo "  make test T=tests/unit   only these tests"

run: ## start the whole platform here, on real parts (Ctrl-C stops it)
	@local/bootstrap run
	@exec $(PY) -m local.stack run $(if $(TLS),--tls)

status: ## lag and depth of every step of the running stack
	@$(PY) -m local.stack status

stop: ## stop the running stack from another terminal
	@$(PY) -m local.stack stop

test: ## the whole test suite, on its own instances of the real parts
	@local/bootstrap all
	@tests/run $(T)

check: ## what CI runs: lint, types, import laws, generated files, the tests
	@local/bootstrap all
	@$(MAKE) --no-print-directory lint types laws generated
	@$(MAKE) --no-print-directory test

bench: ## beside the floor, the ceiling and a peer; writes benchmarks/RESULTS.md (about five minutes)
	@local/bootstrap all
	@$(PY) -m benchmarks

bench-quick: ## the same, short: a look, not a result
	@local/bootstrap all
	@$(PY) -m benchmarks --quick

lint: ## ruff: style and format
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .

types: ## mypy, strict
	@.venv/bin/mypy

laws: ## the import laws of ARCHITECTURE.md
	@.venv/bin/lint-imports --config pyproject.toml

generated: ## are the generated files up to date?
	@$(PY) -m events.generate --check
	@$(PY) architecture/rfc_index.py --check

generate: ## write the generated files again
	@$(PY) -m events.generate
	@$(PY) architecture/rfc_index.py

format: ## let ruff format and mend what it can
	@.venv/bin/ruff format . && .venv/bin/ruff check --fix .

reset: ## forget all local data (asks first; YES=1 doesn't)
	@$(PY) -m local.stack reset $(if $(YES),--yes)

lock: ## resolve requirements/*.in again
	@requirements/lock
