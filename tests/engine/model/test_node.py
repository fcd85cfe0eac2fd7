"""What every operation has, and what the records of a graph have instead of methods of their own."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace

import pytest

from lcnn_engine.model.graph import NODE_TYPES, Add, Conv2D, Flatten, Graph, Input, Multiply, window_output
from lcnn_engine.model.node import Record
from lcnn_engine.model.preprocessing import Preprocessing, Resize

CONV = Conv2D(name="conv", inputs=("image",), filters=4, kernel_size=(3, 3))


class TestRecord:
    def test_compares_by_type_and_fields(self) -> None:
        assert replace(CONV) == CONV
        assert replace(CONV, groups=2) != CONV
        assert Add(name="x", inputs=("a", "b")) != Multiply(name="x", inputs=("a", "b"))
        assert CONV != "conv"

    def test_hashes_as_it_compares(self) -> None:
        assert len({CONV, replace(CONV), replace(CONV, filters=5)}) == 2

    def test_prints_as_it_is_written(self) -> None:
        assert repr(Flatten(name="flat", inputs=("image",))) == "Flatten(name='flat', inputs=('image',))"
        assert repr(Input("image", (2, 3, 1))) == "Input(name='image', shape=(2, 3, 1))"
        assert eval(repr(CONV)) == CONV

    def test_what_is_calculated_once_is_no_field(self) -> None:
        graph = Graph("g", Input("image", (6, 6, 1)), "conv", (CONV,))
        assert graph.shapes["conv"] == (4, 4, 4)
        assert graph == Graph("g", Input("image", (6, 6, 1)), "conv", (CONV,))
        assert "shapes" not in repr(graph)

    def test_is_frozen_and_can_be_pickled(self) -> None:
        with pytest.raises(FrozenInstanceError):
            CONV.filters = 5  # type: ignore[misc]
        assert pickle.loads(pickle.dumps(CONV)) == CONV

    @pytest.mark.parametrize("kind", [*NODE_TYPES.values(), Graph, Input, Preprocessing, Resize])
    def test_is_how_all_compare_and_print(self, kind: type) -> None:
        """What makes them anew for a class takes a fifth of a millisecond of every start."""
        assert issubclass(kind, Record)
        methods = {"__eq__", "__hash__", "__repr__"}
        own = {base.__name__ for base in kind.__mro__ if base not in (Record, object) and methods & vars(base).keys()}
        assert not own, f"expected dataclass(..., eq=False, repr=False) for {', '.join(own)}"


@pytest.mark.parametrize(("size", "before", "after", "window", "stride", "dilation", "expected"), [
    (5, 0, 0, 3, 1, 1, 3), (5, 1, 1, 3, 1, 1, 5), (6, 0, 1, 3, 2, 1, 3), (7, 0, 0, 3, 1, 3, 1), (2, 0, 0, 3, 1, 1, 0),
])  # fmt: skip
def test_output_positions_of_a_window(
    size: int, before: int, after: int, window: int, stride: int, dilation: int, expected: int
) -> None:
    assert window_output(size, before, after, window, stride, dilation) == expected
