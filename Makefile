# Temper: `make demo` runs the main job from a fresh clone, `make test` passes the tests.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.set-up
# The pip that comes with Python 3.11 cannot build every source distribution in the lock.
PIP := pip==26.3
# Newer releases have no wheel without CUDA on every index.
TORCH := torch==2.13.0
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --no-input --progress-bar off
PACKAGES := $(shell grep -c '^[a-z].*==' requirements.lock)

# Name a step and run its command, counting the packages; all that it prints is shown if it fails.
define step
@echo "  $(1)"; log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
{ $(2); } 2>&1 | tee "$$log" | while read -r line; do case $$line in \
	Collecting*) n=$$(($${n:-0} + 1)); if [ $$((n % 50)) = 0 ]; then echo "      $$n of $(PACKAGES) found"; fi ;; \
	"Installing collected"*) if [ "$${n:-}" ]; then echo "      installing $$n"; fi ;; esac; done \
|| { cat "$$log"; echo "make setup failed at: $(1)" >&2; exit 1; }
endef

.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-slow proofs proofs-alone proofs-long bench bench-quick lint format lock clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: $(SETUP)  ## Make .venv and install the locked versions into it (nothing to do when current)
	@echo "Temper is set up in .venv. Next:"
	@echo "  make demo                 run the demo experiment and show where the results are"
	@echo "  . .venv/bin/activate      put the command on the path, then: temper --help"

$(SETUP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Temper needs Python 3.11 or newer; this is " + sys.version.split()[0] + ": make setup PYTHON=python3.x") if sys.version_info < (3, 11) else None'
	@echo "Installing the $(PACKAGES) locked packages into .venv: 3 to 5 minutes, 2.5 GB (several GB more with CUDA's torch)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(call step,1/4 $(PIP),$(INSTALL) "$(PIP)")
	$(call step,2/4 the packages of requirements.lock,$(INSTALL) --requirement requirements.lock)
	$(call step,3/4 temper itself,$(INSTALL) --no-deps --editable .)
	$(call step,4/4 check that all versions fit together,$(BIN)/python -m pip check)
	@touch $@

demo: $(SETUP)  ## Run the demo experiment and print the results and where to look
	$(BIN)/temper run demo

up: $(SETUP)  ## Start Prefect, MLflow and what runs the UI's triggers; Ctrl-C stops them
	$(BIN)/temper up

test: $(SETUP)  ## Run the tests (minutes)
	$(BIN)/pytest --numprocesses 3 --dist loadfile

test-slow: proofs proofs-alone proofs-long  ## Run the long proofs too (tests/README.md says how long each part takes)

proofs: $(SETUP)  # they wait for servers more than they compute: three at a time fill two processors
	$(BIN)/pytest -m "slow and not long" --numprocesses 3 --dist loadfile

proofs-long: $(SETUP)  # by hand, before a release
	$(BIN)/pytest -m "long and not live" --numprocesses 3 --dist loadfile
	$(BIN)/pytest -m "long and live"

proofs-alone: $(SETUP)  # in a browser and by the clock, on a machine with nothing else to do
	$(BIN)/pytest -m "live and not long" --numprocesses 2 --dist loadfile

bench: $(SETUP)  ## Benchmark Temper against the standard recipe: hours on an idle machine (VOCABULARY=path/vocab.txt)
	$(BIN)/python -m tests.benchmarks $(if $(VOCABULARY),--vocabulary "$(VOCABULARY)")

bench-quick: $(SETUP)  ## A part of the benchmark, in minutes
	$(BIN)/python -m tests.benchmarks --quick

lint: $(SETUP)  ## Check format, rules, types and the layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(SETUP)  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(SETUP)  ## Renew requirements.lock with the newest versions that pyproject.toml allows
	$(BIN)/pip-compile --quiet --upgrade --upgrade-package "$(TORCH)" --extra dev --extra onnx --extra team --strip-extras \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --output-file requirements.lock pyproject.toml
	sed -i -E 's/^(torch==[0-9.]+)\+.*/\1/' requirements.lock

clean:  ## Remove the environment and the tools' files; the state in .temper stays
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
