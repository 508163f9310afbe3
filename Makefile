# Every target sets up what it needs; `make` alone says what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test lane-journeys lane-services lane-beside check lint unit bench up down tree constraints

BIN := .venv/bin
PYTHON ?= $(shell for python in python3.11 python3 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo $$python && break; done)
# Two lanes at once, in this order: one whole installation for all journeys; single services, which mostly wait for something
# to happen; what starts neither. The longer these services are up, the more they cost while they wait, and on
# two cores more than two lanes keep them up for longer.
BESIDE = $(wildcard $(addprefix tests/integration/test_,training* data* summaries* serving_offline* serving_model_cache* bit* \
	embeddings* corpus* feedback* hostile* objects* predictions* records*)) tests/architecture tests/unit
JOURNEYS = tests/e2e
SERVICES = $(filter-out $(BESIDE),$(wildcard tests/integration/test_*)) tests/chaos

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/installed ## create .venv and install everything, pinned by constraints.txt

.venv/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "triage needs Python 3.11, and none of python3.11, python3, python is one." \
		"Install it, or name it: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Installing into .venv: some minutes and 4 GB, once."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.[dev]'
	@$(BIN)/python -m compileall -qq -j 0 -x '/tests?/' .venv/lib || true  # as pip would, on every core; some files are no Python
	@touch $@

demo: setup ## run the whole life of a model; KEEP=1 leaves it running, SOURCE=URI [RECIPE=NAME] takes your own mail
	$(BIN)/triage demo $(if $(KEEP),--keep) $(if $(SOURCE),--source '$(SOURCE)') $(if $(RECIPE),--recipe '$(RECIPE)')

test: setup ## run every test: architecture, unit, integration, end to end, chaos
	@echo "Three lanes, two at once; each is shown when it has ended."
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target lane-journeys lane-services lane-beside

lane-journeys:
	@$(BIN)/pytest $(JOURNEYS)

lane-services:
	@$(BIN)/pytest $(SERVICES)

lane-beside:
	@$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(BESIDE)

check: lint unit ## what a commit must pass: format, lint, types, floors, unit and architecture tests

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-logo

unit: setup
	$(BIN)/pytest -q tests/architecture tests/unit

bench: setup ## run every benchmark and write bench/results/
	@set -e; for script in $(filter-out bench/models.py bench/recording.py bench/usage.py,$(wildcard bench/*.py)); do echo "$$script"; $(BIN)/python $$script; done

up: setup ## start the services of this machine and print their addresses
	$(BIN)/triage up

down: setup ## end exactly these services
	$(BIN)/triage down

tree: setup ## draw the real tree into README.md
	$(BIN)/python -m tests.architecture.tree

# The +cpu of a local wheel is no version of the index.
constraints: setup ## pin what .venv holds now into constraints.txt
	@{ head -n 1 constraints.txt; $(BIN)/pip freeze --all --exclude pip --exclude-editable | sed 's/+cpu$$//' | sort -f; } > constraints.new
	@mv constraints.new constraints.txt
