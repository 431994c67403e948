# The whole of it: `make run` to see it work, `make test` to see it proved.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench crash lock clean

help:  ## What can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/ready  ## .venv with the bulk-provision command and the tools of development

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

lock: setup  ## Resolve the dependencies anew into requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --upgrade --extra notify --group dev --custom-compile-command "make lock" pyproject.toml -o requirements.lock

DEMO := build/demo
run: setup  ## The emulated vendor, sample_data/users.xlsx, and a results workbook
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	@$(BIN)/bulk-provision sandbox --existing asha.rao:their-own-1 --existing reception:their-own-2 \
	  --dump $(DEMO)/vendor.json -- \
	  $(BIN)/bulk-provision run sample_data/users.xlsx -o $(DEMO)/results.xlsx --ledger $(DEMO)/ledger.db

# Two at a time on each core: half of a test's time is waiting for the processes that it started.
WORKERS := $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')
# The tests start the command some hundred times: compiled once, it starts a quarter of a second sooner.
test: setup  ## All tests, on every core
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

check: setup  ## Lint, format, types, import layers, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python docs/check.py

bench: setup  ## Rate, throughput, memory, repetition: measured, beside their aims
	$(BIN)/python bench/main.py

crash: setup  ## Kill the command at least 200 times; results, ledger and vendor must agree
	$(BIN)/python tests/crashes.py --kills 200 --seconds 1800

clean:  ## Remove what was made
	rm -rf .venv build dist .mypy_cache .ruff_cache .hypothesis
