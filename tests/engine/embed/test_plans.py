"""Plans for programs without a BLAS."""

from __future__ import annotations

import pytest

from lcnn_engine import ModelFormatError, SettingError
from lcnn_engine.embed.plans import plans_for
from lcnn_engine.kernels import capabilities, needs_of, variants
from lcnn_engine.model.graph import MAX_BYTES
from tests.helpers.networks import small_classifier

BUILT = [name for name, _ in variants()]


def test_there_is_one_for_each_variant_fastest_first_and_none_calls_a_blas() -> None:
    plans = plans_for(*small_classifier(), None, "float32", MAX_BYTES)
    assert [plan.variant for plan in plans] == BUILT
    assert all(call.kernel != "dictionary" for plan in plans for call in plan.calls)
    assert any(call.kernel == "dictionary_direct" for plan in plans for call in plan.calls)


def test_a_variant_says_what_it_needs_of_which_machine() -> None:
    for plan in plans_for(*small_classifier(), None, "float32", MAX_BYTES):
        assert (plan.machine, list(plan.features)) == needs_of(plan.variant)
    assert needs_of("scalar") == ("any", [])
    with pytest.raises(ValueError, match="expected a variant of this build"):
        needs_of("mmx")


@pytest.mark.parametrize("precision", ["bfloat16", "int8", "fastest"])
def test_a_variant_without_a_precision_computes_in_float32(precision: str) -> None:
    for plan in plans_for(*small_classifier(), None, precision, MAX_BYTES):
        able = capabilities(plan.variant)
        has = {"bfloat16": able.bf16, "int8": able.int8, "fastest": able.int8 or able.bf16}[precision]
        assert (plan.precision == "float32") == (not has)


def test_order_and_number_of_isa_do_not_matter() -> None:
    plans = plans_for(*small_classifier(), [BUILT[-1], BUILT[0], BUILT[-1]], "float32", MAX_BYTES)
    assert [plan.variant for plan in plans] == list(dict.fromkeys([BUILT[0], BUILT[-1]]))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(SettingError, match="expected isa"):
        plans_for(*small_classifier(), ["mmx"], "float32", MAX_BYTES)
    with pytest.raises(SettingError, match="expected precision"):
        plans_for(*small_classifier(), None, "float64", MAX_BYTES)
    with pytest.raises(ModelFormatError, match="max_bytes"):
        plans_for(*small_classifier(), None, "float32", 100)
