"""Records of a plan."""

from __future__ import annotations

import json

from lcnn_engine.plan.calls import KernelCall, StepKind
from lcnn_engine.plan.fields import NoFields, Nonzeros
from lcnn_engine.plan.references import INPUT, Map, Place


def test_a_call_tells_the_buffers_that_it_touches() -> None:
    map_ = Map(Place(3, 8), 1, 1, 1, 1, 1, 0, 0, 0, 0)
    call = KernelCall(0, "nonzeros", Nonzeros(Place(5), 1), (map_, map_._replace(offset=INPUT)), map_)
    assert call.buffers == {3, 5}
    assert KernelCall(0, "softmax", NoFields()).buffers == set()


def test_kinds_are_words_of_json() -> None:
    values = [kind.value for kind in StepKind]
    assert json.loads(json.dumps(values)) == values
    assert all(value.replace("_", "").isalpha() and value.islower() for value in values)
