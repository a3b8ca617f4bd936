# `make` alone lists what there is. Everything is installed into .venv, which is made anew where
# pyproject.toml or the pinned versions changed; otherwise nothing here uses the network.
.POSIX:

PYTHON = python3
VENV = .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check -qq
INSTALL = $(PIP) install --constraint .ci/constraints.txt

help: ## List these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1	\2/p' Makefile | expand -t 8

venv: $(VENV)/test.stamp ## Make the virtual environment for development

demo: $(VENV)/demo.stamp ## Show all of inboxd on a made-up mailbox; cleans up after itself
	@$(BIN)/inboxd demo

test: $(VENV)/test.stamp dovecot ## Run the tests: a few minutes
	$(BIN)/python -m pytest -m "not slow"

lint: $(VENV)/test.stamp ## Check format, style, types and which floor imports which
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test ## Everything that CI checks

faults: $(VENV)/test.stamp dovecot ## Run the long loops of the fault tests
	$(BIN)/python -m pytest -m slow --capture=no

fuzz: $(VENV)/test.stamp ## Look for bytes that the parsers cannot take, for five minutes
	@$(INSTALL) --group fuzz
	$(BIN)/python tests/fuzz/mime.py --seconds 300

bench: $(VENV)/test.stamp dovecot ## Measure beside mbsync and a raw socket reader
	@sh .ci/apt isync || echo "mbsync (package isync) will be missing in the table."
	$(BIN)/python tests/bench/run.py

clean: ## Remove everything that was made here
	rm -rf $(VENV) build dist bench.json
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

dovecot:
	@sh .ci/apt dovecot-imapd || echo "Without it, tests marked dovecot are skipped."

$(VENV)/base.stamp: .ci/venv .ci/constraints.txt
	@echo "Making $(VENV) (a minute or two) ..."
	@sh .ci/venv $(PYTHON) $(VENV)
	@$(INSTALL) pip hatchling editables
	@touch $@

# Editable, so that changed sources need no new installation; without a build environment of its
# own, so that what builds is pinned too (hatchling, which needs editables here).
$(VENV)/demo.stamp: $(VENV)/base.stamp pyproject.toml
	@$(INSTALL) --no-build-isolation --editable '.[demo]'
	@touch $@

$(VENV)/test.stamp: $(VENV)/demo.stamp
	@$(INSTALL) --group test
	@touch $@

.PHONY: help venv demo test lint check faults bench clean dovecot
