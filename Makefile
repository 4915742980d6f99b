# The two commands of the README: `make demo` and `make test`. Each makes its virtual environment and installs
# what it needs; a second call finds it done.

PYTHON ?= python3
VENV   ?= .venv
# What `pip install` is told for torch. To be certain of a CPU-only build, see README, "Development".
TORCH  ?= torch==2.13.0
BIN    := $(VENV)/bin
# Where make can (4.0 and newer), what runs at the same time prints one after the other.
OUTPUT_SYNC := $(if $(findstring output-sync,$(shell $(MAKE) --help)),--output-sync=target)
# A builder that needs no GPU (TensorRT for RTX, 146 MB, whose libraries come with the second), and the bindings of
# TensorRT, without its libraries, to check types against.
TENSORRT     := build/tensorrt
TENSORRT_PIP := tensorrt-rtx-cu13-bindings==1.7.1.116 onnxruntime-ep-nv-tensorrt-rtx-cu13==0.5.0 \
                tensorrt-cu13-bindings==11.4.0.106

.PHONY: demo test test-runtime test-training test-data test-gpu test-slow test-tensorrt lint bench clean

demo: $(VENV)/.base
	$(BIN)/dinar demo $(ARGS)

# Four processes, three at a time: each starts its own kernels, windows and workers, and what they load does not go
# together in one. Each prints when it has ended. Networks of tests are so small that two threads of torch take twice
# the time of one.
test: $(VENV)/.dev build/typing/dinar
ifeq ($(strip $(ARGS)),)
	@echo "testing: three processes at a time, several minutes; each prints when it has ended"
	@OMP_NUM_THREADS=1 $(MAKE) --no-print-directory --jobs 3 $(OUTPUT_SYNC) \
		test-runtime test-training test-data test-gpu lint
else
	$(BIN)/python -m pytest -m "not slow and not tensorrt" $(ARGS)
endif

test-runtime:
	$(BIN)/python -m pytest -m "not slow and not tensorrt" --ignore=tests/trainer --ignore=tests/export --ignore=tests/runtime/gpu

test-training:
	$(BIN)/python -m pytest -m "not slow and not tensorrt" tests/trainer --ignore=tests/trainer/data

test-data:
	$(BIN)/python -m pytest -m "not slow and not tensorrt" tests/trainer/data

test-gpu:
	$(BIN)/python -m pytest -m "not slow and not tensorrt" tests/export tests/runtime/gpu

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow --timeout=1800 $(ARGS)

# Beside the virtual environment, so that the other tests see a computer without TensorRT.
test-tensorrt: $(VENV)/.dev build/typing/dinar $(TENSORRT)/.installed
	PYTHONPATH=$(TENSORRT)/packages LD_LIBRARY_PATH=$(TENSORRT)/libraries \
		$(BIN)/python -m pytest -m tensorrt tests/runtime/gpu/networks $(ARGS)

$(TENSORRT)/.installed: Makefile | $(VENV)/.dev
	rm -rf $(TENSORRT)
	$(BIN)/python -m pip install --quiet --only-binary :all: --no-deps --target $(TENSORRT)/packages $(TENSORRT_PIP)
	mkdir $(TENSORRT)/libraries
	for library in $(TENSORRT)/packages/onnxruntime_ep_*/libtensorrt_*rtx.so.*.*.*; do \
		ln -s $(CURDIR)/$$library $(TENSORRT)/libraries/$$(basename $$library | sed 's/\(\.so\.[0-9]*\).*/\1/'); \
	done
	touch $@

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
