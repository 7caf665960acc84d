# Everything a newcomer runs. Each target installs what it needs into .venv first; a second run installs nothing.

VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

.DEFAULT_GOAL := help
.PHONY: help install demo test bench faults requirements kafka lint

help: ## what can be done here
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## put what is locked in requirements.lock, and Ballyhoo itself, into .venv

$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Ballyhoo needs Python 3.11 or later; name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(RUN) && $(RUN) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) \
		|| { echo "Python has no module venv here; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
	@touch $@

demo: $(INSTALLED) ## a real campaign from draft to ROI, beside independent answers (FILE=x.csv, KEEP=1)
	@$(RUN) -m infra.demo

lint: $(INSTALLED) ## ruff and mypy
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

test: lint ## lint, then every ring of tests (ARGS="-m pure" for some)
	$(RUN) -m pytest -n 2 $(ARGS)

bench: $(INSTALLED) ## the table of measured goals
	@$(RUN) -m tests.bench

faults: $(INSTALLED) ## kill and stop processes at random (SEED=n, MINUTES=m, BUG=name)
	@$(RUN) -m tests.faults

requirements: $(INSTALLED) ## each requirement with the tests that prove it
	@$(RUN) -m pytest --requirements

kafka: $(INSTALLED) ## a broker for development, until ctrl-C
	@$(RUN) -m infra.kafka
