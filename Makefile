# Temper: `make demo` runs the main job from a fresh clone, `make test` passes the tests.
PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.set-up
# The pip that comes with Python 3.11 cannot build every source distribution in the lock.
PIP := pip==26.3
# Newer releases have no wheel without CUDA on every index.
TORCH := torch==2.13.0

.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-slow bench bench-quick lint format lock clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: $(SETUP)  ## Make .venv and install the locked versions into it (nothing to do when current)

$(SETUP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Temper needs Python 3.11 or newer; this is " + sys.version.split()[0] + ": make setup PYTHON=python3.x") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(PIP)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: setup  ## Run the demo experiment and print the results and where to look
	$(BIN)/temper run demo

up: setup  ## Start Prefect, MLflow and what runs the UI's triggers; Ctrl-C stops them
	$(BIN)/temper up

test: setup  ## Pass the tests (minutes)
	$(BIN)/pytest --numprocesses 2 --dist loadfile

test-slow: setup  ## Pass the long proofs as well, those in a browser and by the clock one at a time
	$(BIN)/pytest -m slow --numprocesses 2 --dist loadfile
	$(BIN)/pytest -m live

bench: setup  ## Measure Temper beside the standard recipe, hours of an idle machine (VOCABULARY=path/vocab.txt: with that one)
	$(BIN)/python -m tests.benchmarks $(if $(VOCABULARY),--vocabulary "$(VOCABULARY)")

bench-quick: setup  ## Some of it, in minutes
	$(BIN)/python -m tests.benchmarks --quick

lint: setup  ## Format, rules, types, and the layers of the house
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: setup  ## Renew requirements.lock: the newest versions that pyproject.toml allows
	$(BIN)/pip-compile --quiet --upgrade --upgrade-package "$(TORCH)" --extra dev --extra team --strip-extras \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --output-file requirements.lock pyproject.toml
	sed -i -E 's/^(torch==[0-9.]+)\+.*/\1/' requirements.lock

clean:  ## Remove the environment and what tools leave; the state in .temper stays
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
