# Each chore is one word. Everything here only wraps pip, npm, python run.py, pytest and the linters.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LIGHTHOUSE := tests/static/lighthouse
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: run test lint search lighthouse faults bench bench-quick ci clean

run: $(VENV)/run
	$(BIN)/python run.py

test: $(VENV)/test
	$(BIN)/python -m pytest

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	find chat/static tests/static/unit -name '*.js' -print0 \
		| xargs -0 -n 1 $(VENV)/lib/python3*/site-packages/playwright/driver/node --check

# The tests with made-up inputs, with fifty times as many of them; an hour or so.
search: $(VENV)/test
	EXAMPLES_TIMES=50 $(BIN)/python -m pytest --timeout 7200 -k "test_whole or test_frames or test_endpoints or test_bodies or test_protocol or test_fields"

# Measures the page, which tests should not: that depends on the machine. The only thing that needs npm (190 MB).
lighthouse: $(VENV)/test $(LIGHTHOUSE)/node_modules/installed
	$(BIN)/python -m pytest -n 0 -s -m lighthouse tests/static/test_lighthouse.py

# Kills, cuts the power, fills the disk and more, each many times; takes about 10 minutes, and root for some of it.
faults: $(VENV)/test
	$(BIN)/python -m tests.faults

# Takes about 25 minutes and a machine that does nothing else; writes docs/performance.md.
bench: $(VENV)/bench
	$(BIN)/python -m bench

bench-quick: $(VENV)/bench
	$(BIN)/python -m bench --quick

ci:
	bash .ci/run

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache \
		$(LIGHTHOUSE)/node_modules .bench bench/peers/node_room/node_modules

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; say which with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { echo "The module venv is missing; on Debian: apt-get install python3-venv"; exit 1; }
	@touch $@

$(VENV)/run: $(VENV)/python setup.cfg constraints.txt
	@echo "Installing what the server needs into $(VENV) ..."
	@$(PIP) --editable '.[fast]'
	@touch $@

$(VENV)/test: $(VENV)/python setup.cfg constraints.txt
	@echo "Installing what the server and its tests need into $(VENV) ..."
	@$(PIP) --editable '.[fast,test]'
	@touch $@ $(VENV)/run

$(VENV)/bench: $(VENV)/python setup.cfg constraints.txt
	@echo "Installing what the server and its benchmark need into $(VENV) ..."
	@$(PIP) --editable '.[fast,bench]'
	@touch $@ $(VENV)/run

$(LIGHTHOUSE)/node_modules/installed: $(LIGHTHOUSE)/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing; on Debian: apt-get install npm"; exit 1; }
	@echo "Installing Lighthouse into $(LIGHTHOUSE) ..."
	@cd $(LIGHTHOUSE) && npm ci --silent
	@touch $@
