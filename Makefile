# Everything a person needs: `make demo` and `make test` set up what they use, in a venv of their own.
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
SECONDS_ := $(or $(SECONDS),60)

.PHONY: help demo test test-fast check format bench chaos install screens servers clean
.DEFAULT_GOAL := help

help:  ## Show what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:[^#]*## /\t/' | expand -t 14

$(VENV)/.installed: pyproject.toml .ci/venv flowctl/__init__.py
	@sh .ci/venv $(VENV) '.[postgres,uv]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml .ci/venv flowctl/__init__.py
	@sh .ci/venv $(VENV) '.[dev]'
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed  ## Make the venv with flowctl, agentd and schedulerd in it

servers:
	@sh .ci/servers

demo: $(VENV)/.installed  ## Run the codestats recipe on this machine: the main job, end to end
	@$(BIN)/flowctl run recipes/codestats

check: $(VENV)/.installed-dev  ## Format, lint, floors, types, unit and house tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports
	$(BIN)/mypy
	$(PY) -m pytest -q -n 2 tests/unit tests/properties tests/golden tests/house tests/tui

test-fast: $(VENV)/.installed-dev  ## The tests that need no server (under a minute)
	$(PY) -m pytest -q -n 2 tests/unit tests/properties tests/golden tests/house

test: $(VENV)/.installed-dev servers check  ## Everything: what CI runs
	$(PY) -m pytest -q -n 2 --dist loadfile tests/chaos tests/acceptance tests/conformance tests/integration

bench: $(VENV)/.installed-dev servers  ## Measure flowctl and its peers in one run (SECONDS=2 ROUNDS=1 BENCH=race)
	@sh .ci/servers bench
	$(PY) -m tests.bench $(BENCH) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(JSON),--json $(JSON))

chaos: $(VENV)/.installed-dev servers  ## Kill things for SECONDS=60 with SEED=n and count what was lost
	$(PY) -m tests.chaos --seconds $(SECONDS_) $(if $(SEED),--seed $(SEED),) $(CHAOS)

screens: $(VENV)/.installed-dev  ## Write the pictures of the cockpit and docs/screens.md anew
	FLOWCTL_PICTURES=write $(PY) -m pytest -q tests/tui/test_tui_pictures.py

format: $(VENV)/.installed-dev  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## Remove what was made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
