# The two commands of a newcomer are `make demo` and `make test`; each sets up what it needs.

# Any Python 3.11 to 3.13: make install PYTHON=python3.12
PYTHON ?= python3
# Where `make demo` puts its run; a new directory below runs/ unless said.
OUTPUT ?=
# More words for pytest or a benchmark: make test ARGS="-k resume -x"
ARGS ?=
# Processes that share the tests; 0 runs them in one, which --pdb needs: make test WORKERS=0 ARGS=--pdb
WORKERS ?= 2

# Where Python is told to keep no compiled files, each of the processes that tests start would compile all anew.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
RUN := $(VENV)/bin/python
# Warnings are left out: pip gives one for each index that lacks a package. Errors are shown. pip refuses to work
# outside an environment, so that a broken .venv can never lead it into the system's Python.
PIP := $(RUN) -m pip --require-virtualenv --disable-pip-version-check -qq install -c requirements.lock

# A worker that has nothing left takes over half of what the other still has; neighbours, which share fixtures, stay
# together until then. To start two workers takes longer than the unit tests do, so `make unit` has none.
ALL_TESTS = $(RUN) -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

# Not --quiet: a warning that is not heard is not counted either. What the theme says of its own future is no fault of a
# page.
SITE = NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict

.DEFAULT_GOAL := help
.PHONY: help install demo test unit check lint format types docs bench data clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## make .venv with everything that development needs

demo: install ## train security_classification on the shipped data and print the summary
	$(RUN) -m presentation.cli train --task security_classification $(if $(OUTPUT),--output '$(OUTPUT)')
	@awk -F ' *[|] *' '/^[|] shipped functions, twelve/ {print "with --config configs/security_classification.yaml: " $$2 ": " $$3}' \
	    docs/figures.md

test: install ## run all tests
	$(ALL_TESTS)

unit: install ## run the tests that end within seconds
	$(RUN) -m pytest tests/unit tests/architecture $(ARGS)

# One recipe and not four prerequisites: the cheap checks come first, and -j does not mix their output.
check: $(VENV)/.installed-docs ## what CI runs: format, lint, types, documentation, tests
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	$(SITE)
	$(ALL_TESTS)

lint: install ## run ruff's rules
	$(RUN) -m ruff check .

format: install ## rewrite the files in the house's format
	$(RUN) -m ruff format .

types: $(VENV)/.installed-docs ## run mypy
	$(RUN) -m mypy

docs: $(VENV)/.installed-docs ## build the documentation as a site, and find links that lead nowhere
	$(SITE)
	@echo "The site is build/site/index.html; to search in it: $(RUN) -m http.server --directory build/site"

bench: $(VENV)/.installed-bench ## run the benchmarks that need no GPU; ARGS="--quick"; make bench-NAME runs one
	$(RUN) benchmarks/suite.py $(ARGS)

bench-%: $(VENV)/.installed-bench
	$(RUN) benchmarks/$*.py $(ARGS)

data: install ## write the shipped data anew from its families
	$(RUN) -m data.generator

clean: ## remove caches and build output; keeps .venv and runs
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . \( -path ./$(VENV) -o -path ./.git -o -path ./runs \) -prune -o -type d -name __pycache__ -exec rm -rf {} +

# The stamp is written last. Without it an earlier attempt was cut short: what it left is kept if it is an environment
# with a pip, because pip completes a half-filled one, and is made from nothing if not.
$(VENV)/.installed: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
		echo "Athanor needs Python 3.11 to 3.13, and $(PYTHON) is not one. Say which: make install PYTHON=python3.12"; \
		exit 1; }
	@if ! $(RUN) -c 'import pip, sys; sys.exit(sys.prefix == sys.base_prefix)' >/dev/null 2>&1; then \
		echo "Making $(VENV) with $$($(PYTHON) --version)"; \
		$(PYTHON) -m venv --clear $(VENV); \
	fi
	@echo "Installing torch as pinned in requirements.lock (0.2 GB for CPUs, some GB with CUDA)"
	@$(PIP) torch
	@echo "Installing Athanor and its tools"
	@$(PIP) -e '.[dev]'
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	@echo "Installing what builds the documentation"
	@$(PIP) -e '.[docs]'
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed
	@echo "Installing what the benchmarks compare with"
	@$(PIP) -e '.[bench]'
	@touch $@
