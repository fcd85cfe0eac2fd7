"""Records of what kernels are told: those of C."""

from __future__ import annotations

from typing import get_args

from lcnn_engine.kernels import LAYOUTS
from lcnn_engine.plan.fields import Fields


def test_every_record_has_the_fields_of_a_struct() -> None:
    layouts = {tuple(name for name, _ in layout) for layout in LAYOUTS.values()}
    found = {record._fields for record in get_args(Fields)}
    assert found == layouts, "csrc/calls.h and plan/fields.py, Fields: the same fields in order; then build"
