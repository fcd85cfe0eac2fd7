"""TensorFlow without the lines about CPUs and CUDA that it prints before its own log level is in force."""

from __future__ import annotations

import importlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_NOISE = re.compile(rb"(WARNING: All log messages before absl::InitializeLog\(\)|[IWE]\d{4} \d\d:\d\d:\d+\.\d+ )")


def load_tensorflow() -> None:
    """Import TensorFlow, quietly, if nobody has."""
    with quiet():
        importlib.import_module("tensorflow")


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back standard error while TensorFlow is imported; what is not such a line is passed on at the end."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        saved = None if os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0" else os.dup(2)  # 0: somebody wants to see all of it
    except OSError:  # a process without standard error
        saved = None
    if saved is None:
        yield
        return
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            caught.seek(0)
            for line in caught:
                if not _NOISE.match(line):
                    os.write(2, line)
