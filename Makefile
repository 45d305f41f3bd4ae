# driftbreaker: what a person types. `make help` lists it.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# uv is used where it is installed; otherwise a pinned one is put into .tools.
UV := $(or $(shell command -v uv 2>/dev/null),$(CURDIR)/.tools/bin/uv)
export UV

ROOMS := data model detectors operator manifests/local
LOCAL := manifests/local/.venv/bin/local-stack

# Options for the command behind a target, for example: make demo ARGS="--fast --no-retrain"
ARGS ?=

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo '  options go in ARGS, for example: make demo ARGS="--fast"; make demo ARGS=--help lists them'

.PHONY: demo
demo: setup ## replay 36 months through the whole loop on this machine, with a report
	@$(LOCAL) demo $(ARGS)

.PHONY: up
up: setup ## start the one-machine stack and leave it running for requests of your own
	@$(LOCAL) up $(ARGS)

.PHONY: down
down: setup ## stop the stack that `make up` started
	@$(LOCAL) down $(ARGS)

.PHONY: test
test: setup ## run all tests
	@tools/run-tests $(ARGS)

.PHONY: lint
lint: setup ## formatting, lint, types and import contracts
	@$(UV) run --locked ruff format --check .
	@$(UV) run --locked ruff check .
	@for room in $(ROOMS); do \
	    echo "types: $$room"; $(UV) run --locked --project $$room mypy --config-file $$room/pyproject.toml $$room/src; \
	done
	@PYTHONPATH=$$(printf '%s/src:' $(ROOMS)) $(UV) run --locked lint-imports

.PHONY: format
format: setup ## format the sources and mend what the linter can
	@$(UV) run --locked ruff format .
	@$(UV) run --locked ruff check --fix .

.PHONY: setup
setup: $(UV) ## install every room's environment from its lock file
	@# Compiled bytecode makes the imports of kserve and alibi-detect several times faster.
	@for project in . $(ROOMS); do \
	    UV_COMPILE_BYTECODE=1 $(UV) sync --locked --quiet --project $$project \
	    || { echo "make setup: the environment of '$$project' could not be installed (see above)" >&2; exit 1; }; \
	done

.PHONY: clean
clean: ## remove what the demo and the tests have made (environments stay)
	@rm -rf build .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache

$(CURDIR)/.tools/bin/uv:
	@command -v python3 >/dev/null || { echo "make: python3 is missing: install Python 3.11" >&2; exit 1; }
	@python3 tools/install_uv.py $(@D)
