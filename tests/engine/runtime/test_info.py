"""What the engine says of the machine."""

from __future__ import annotations

import importlib.metadata
from importlib.metadata import PackageNotFoundError

import numpy as np
import PIL
import pytest

from lcnn_engine import SettingError, __version__, kernel_info, kernels
from lcnn_engine.kernels import usable_variants
from lcnn_engine.runtime.threads import default_threads


def test_kernels_and_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LCNN_ISA", raising=False)
    facts = kernel_info()
    kernel_keys = {"isa", "isa_available", "isa_left_out", "precisions", "blas", "blas_config", "blas_core"}
    assert facts.keys() == {"lcnn", "numpy", "pillow", "threads"} | kernel_keys
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


def test_a_variant_that_this_build_left_out_is_named_and_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kernel_info()["isa_left_out"] == []
    monkeypatch.setattr(kernels, "KNOWN_VARIANTS", ("newest", *kernels.KNOWN_VARIANTS))
    monkeypatch.setenv("LCNN_ISA", "newest")
    facts = kernel_info()
    assert facts["isa_left_out"] == ["newest"]
    assert facts["isa"] == usable_variants()[0]
