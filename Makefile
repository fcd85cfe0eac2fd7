# `make check` is what continuous integration runs before the tests.
PYTHON ?= python

.PHONY: help build check format lint types test benchmark

help:
	@echo "make build      compile the kernels in place"
	@echo "make check      formatter, linters and type checker (pip install -e '.[dev,train]')"
	@echo "make format     let the formatter rewrite the files"
	@echo "make test       all tests (pip install -e '.[test]')"
	@echo "make benchmark  kernels, layers and networks with pytest-benchmark (pip install -e '.[bench]')"

build:
	$(PYTHON) -m pip install -e .

check: lint types

lint:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m cython_lint.cython_lint lcnn_engine/kernels/*.pyx lcnn_engine/kernels/*.pxd

types:
	$(PYTHON) -m mypy

format:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

test:
	$(PYTHON) -m pytest

benchmark:
	$(PYTHON) -m pytest benchmarks --benchmark-only
