# The two commands of the README: `make demo` and `make test`. Each makes its virtual environment and installs
# what it needs; a second call finds it done.

PYTHON ?= python3
VENV   ?= .venv
# What `pip install` is told for torch. To be certain of a CPU-only build, see README, "Development".
TORCH  ?= torch==2.13.0
BIN    := $(VENV)/bin

.PHONY: demo test test-slow lint bench clean

demo: $(VENV)/.base
	$(BIN)/dinar demo $(ARGS)

# In two processes: all that the runtime's tests load (windows, engines, threads) and the trainer's workers do not
# go together in one.
test: lint
ifeq ($(strip $(ARGS)),)
	$(BIN)/python -m pytest -m "not slow" --ignore=tests/trainer
	$(BIN)/python -m pytest -m "not slow" tests/trainer
else
	$(BIN)/python -m pytest -m "not slow" $(ARGS)
endif

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow --timeout=1800 $(ARGS)

lint: $(VENV)/.dev build/typing/dinar
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# mypy does not follow editable installs of renamed folders: show it the folders under their installed names.
build/typing/dinar:
	mkdir -p $@
	ln -sfn $(CURDIR)/runtime $@/runtime
	ln -sfn $(CURDIR)/trainer $@/trainer
	ln -sfn $(CURDIR)/export $@/export

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else f"dinar needs Python 3.11 to 3.13, and {sys.executable} is {sys.version.split()[0]}: run make PYTHON=python3.12 (or 3.11, 3.13)")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --only-binary :all: --editable .
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --only-binary :all: "$(TORCH)"
	$(BIN)/python -m pip install --quiet --only-binary :all: --editable '.[dev]'
	touch $@ $(VENV)/.base

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
