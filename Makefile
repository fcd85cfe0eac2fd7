# `make check` is what continuous integration runs before the tests.
PYTHON ?= python
CLANG_FORMAT ?= clang-format
C_FILES = $(shell find lcnn_engine/kernels/csrc -name "*.[ch]")

.PHONY: help build check check-portable format lint headers workflows types test benchmark

help:
	@echo "make build           compile the kernels in place"
	@echo "make check           formatters, linters, C headers and type checker (pip install -e '.[dev,train]')"
	@echo "make check-portable  compile the C for other systems (pip install ziglang)"
	@echo "make format          let the formatters rewrite the files"
	@echo "make test            all tests (pip install -e '.[test]')"
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
