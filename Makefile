# The commands of the README. Each makes the environment first, if it is not there yet.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: env demo test lint types lock clean

env: $(READY)

# Only touched when all of it worked, so that a broken install is done again.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("crosscam needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $(READY)

demo: env
	rm -rf runs/demo
	$(BIN)/crosscam demo --out runs/demo

test: lint types
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lint: env
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: env
	$(BIN)/mypy

# Write constraints.txt anew from the newest versions that pyproject.toml allows.
lock:
	$(PYTHON) -m venv --clear .lock
	.lock/bin/python -m pip install --quiet '.[dev]'
	{ sed -n '/^#/p' constraints.txt; .lock/bin/python -m pip freeze --exclude crosscam | sed 's/+[a-z0-9.]*$$//'; } > .lock/constraints.txt
	mv .lock/constraints.txt constraints.txt
	rm -rf .lock

clean:
	rm -rf $(VENV) .lock .mypy_cache .ruff_cache .pytest_cache .hypothesis
