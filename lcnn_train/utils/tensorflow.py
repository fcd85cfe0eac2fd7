"""Load TensorFlow without the lines about CPUs and CUDA that it prints before its own log level is in force."""

from __future__ import annotations

import importlib
import os
import re
import sys
import tempfile

_NOISE = re.compile(rb"(WARNING: All log messages before absl::InitializeLog\(\)|[IWE]\d{4} \d\d:\d\d:\d+\.\d+ )")


def load_tensorflow() -> None:
    """Import TensorFlow; whatever it says on standard error that is not such a line is passed on."""
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0":  # somebody wants to see all of it
        importlib.import_module("tensorflow")
        return
    try:
        saved = os.dup(2)
    except OSError:  # a process without standard error
        importlib.import_module("tensorflow")
        return
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            importlib.import_module("tensorflow")
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            caught.seek(0)
            for line in caught:
                if not _NOISE.match(line):
                    os.write(2, line)
