# The commands of the README. Each makes as much of the environment as it needs, if it is not there yet.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --no-compile --constraint constraints.txt
# Bytecode is kept, since tests start many processes.
TEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

# Each is only touched when all of it worked, so that a broken install is done again.
RUNS := $(VENV)/.runs
READY := $(VENV)/.ready

.PHONY: env demo test quick lint types browser trackers lock clean

env: $(READY)

$(RUNS): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("crosscam needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)" if sys.version_info < (3, 11) else 0)'
	@echo "--- $(VENV): an environment of its own for crosscam"
	$(PYTHON) -m venv --clear $(VENV)
	@echo "--- $(VENV): crosscam, PyTorch, which is the largest part, and what else it runs on"
	$(INSTALL) --editable .
	@touch $@

$(READY): $(RUNS)
	@echo "--- $(VENV): besides, what its tests and its development need"
	$(INSTALL) --editable '.[dev]'
	@touch $@

demo: $(RUNS)
	rm -rf runs/demo
	$(BIN)/crosscam demo --out runs/demo

test: lint types
	$(TEST)

# What takes a second at most; `make test` is what must pass.
quick: lint
	$(TEST) -m 'not slow' --durations 5 --durations-min 1

lint: env
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: env
	$(BIN)/mypy

# For the tests that drive a page, which are skipped without it.
browser:
	@for program in chromium chromium-browser google-chrome; do \
	    if command -v $$program; then exit 0; fi; done; \
	{ echo "--- chromium, from the system's packages"; apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends chromium; } \
	|| { echo "cannot install chromium here; as root, or by your system's own way: apt-get install chromium"; exit 1; }

# For the tests of the adapters in examples/trackers, which are skipped without it. Into a folder of its own, and without what
# the trackers ask for: NumPy 1, a second OpenCV, codecs under the GPL.
trackers: env
	rm -rf $(VENV)/trackers
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-compile --no-deps --target $(VENV)/trackers --requirement examples/trackers/requirements.txt

# Write constraints.txt anew from the newest versions that pyproject.toml allows.
lock:
	$(PYTHON) -m venv --clear .lock
	.lock/bin/python -m pip install --quiet '.[dev]'
	{ sed -n '/^#/p' constraints.txt; .lock/bin/python -m pip freeze --exclude crosscam | sed 's/+[a-z0-9.]*$$//'; } > .lock/constraints.txt
	mv .lock/constraints.txt constraints.txt
	rm -rf .lock

clean:
	rm -rf $(VENV) .lock .mypy_cache .ruff_cache .pytest_cache .hypothesis
