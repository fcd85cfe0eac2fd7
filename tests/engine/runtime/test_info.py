"""What the engine says of the machine."""

from __future__ import annotations

import importlib.metadata
from importlib.metadata import PackageNotFoundError

import numpy as np
import PIL
import pytest

from lcnn_engine import SettingError, __version__, kernel_info
from lcnn_engine.kernels import usable_variants
from lcnn_engine.runtime.threads import default_threads


def test_kernels_and_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LCNN_ISA", raising=False)
    facts = kernel_info()
    versions = {"lcnn", "numpy", "pillow"}
    assert facts.keys() == versions | {"isa", "isa_available", "blas", "blas_config", "blas_core", "threads"}
    assert facts["isa_available"] == usable_variants()
    assert facts["isa"] == usable_variants()[0]
    assert facts["threads"] == default_threads()


def test_versions() -> None:
    facts = kernel_info()
    assert (facts["lcnn"], facts["numpy"], facts["pillow"]) == (__version__, np.__version__, PIL.__version__)


def test_without_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert kernel_info()["pillow"] is None


def test_the_environment_is_asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LCNN_ISA", "scalar")
    assert kernel_info()["isa"] == "scalar"
    monkeypatch.setenv("LCNN_ISA", "abacus")
    with pytest.raises(SettingError, match="LCNN_ISA"):
        kernel_info()
