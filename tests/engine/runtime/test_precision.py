"""Which precision runs where one is asked for."""

from __future__ import annotations

import pytest

from lcnn_engine import SettingError
from lcnn_engine.kernels import capabilities, usable_variants
from lcnn_engine.model.precision import DEFINITIONS
from lcnn_engine.runtime.precision import PRECISIONS, checked_precision, choose_precision, native_precisions


def test_every_precision_has_a_definition() -> None:
    assert tuple(DEFINITIONS) == PRECISIONS


@pytest.mark.parametrize("variant", usable_variants())
def test_what_a_variant_has_instructions_for_runs_and_the_rest_is_float32(variant: str) -> None:
    able = capabilities(variant)
    native = native_precisions(variant)
    assert native[0] == "float32"
    assert ("bfloat16" in native, "int8" in native) == (bool(able.bf16), bool(able.int8))
    for precision in PRECISIONS:
        assert choose_precision(precision, variant) == (precision if precision in native else "float32")
    assert choose_precision("fastest", variant) == native[-1]


def test_the_portable_variant_has_float32_alone() -> None:
    assert native_precisions("scalar") == ["float32"]


@pytest.mark.parametrize("precision", ["float16", "", "FLOAT32", None, 8, ["int8"]])
def test_others_are_refused_with_the_choices(precision: object) -> None:
    expected = "expected precision to be one of float32, bfloat16, int8, fastest, got "
    with pytest.raises(SettingError, match=expected):
        checked_precision(precision)
    with pytest.raises(SettingError, match=expected):
        choose_precision(precision)
