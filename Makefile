# `make check` is what continuous integration runs before the tests.
PYTHON ?= python
CLANG_FORMAT ?= clang-format
C_FILES = $(shell find lcnn_engine/kernels/csrc -name "*.[ch]")

MINUTES ?= 5
TIMES ?= 100

.PHONY: help build check check-portable format lint headers workflows types test benchmark fuzz sanitize kills

help:
	@echo "make build           compile the kernels in place"
	@echo "make check           formatters, linters, C headers and type checker (pip install -e '.[dev,train]')"
	@echo "make check-portable  compile the C for other systems (pip install ziglang)"
	@echo "make format          let the formatters rewrite the files"
	@echo "make test            all tests (pip install -e '.[test]')"
	@echo "make fuzz            try inputs made to break the engine (MINUTES=5 SEED=...); what is new is kept in .fuzz"
	@echo "make sanitize        the engine's tests, and make fuzz, with address, undefined-behaviour and thread sanitizers"
	@echo "make kills           kill what writes files, at any moment (TIMES=100)"
	@echo "make benchmark       kernels, layers and networks with pytest-benchmark (pip install -e '.[bench]')"

build:
	$(PYTHON) -m pip install -e .

check: lint headers workflows types

check-portable:
	$(PYTHON) -m release.portable

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m cython_lint.cython_lint lcnn_engine/kernels/*.pyx lcnn_engine/kernels/*.pxd
	$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)

headers:
	.ci/headers

workflows:
	$(PYTHON) -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

types:
	$(PYTHON) -m mypy

format:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .
	$(CLANG_FORMAT) -i $(C_FILES)

test:
	$(PYTHON) -m pytest

benchmark:
	$(PYTHON) -m pytest benchmarks --benchmark-only

fuzz:
	$(PYTHON) -m tests.fuzz --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

sanitize:
	PYTHON=$(PYTHON) MINUTES=$(MINUTES) .ci/sanitize

kills:
	$(PYTHON) -m tests.fuzz.kills --times $(TIMES)
