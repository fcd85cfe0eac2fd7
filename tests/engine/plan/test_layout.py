"""Where a value of an activation lies, and how long rows and planes are."""

from __future__ import annotations

import numpy as np
import pytest

from lcnn_engine.plan.layout import Layout, Value, layout_of, plane_of, round_up, whole_lines


@pytest.mark.parametrize("border", [(0, 0, 0, 0), (1, 2, 3, 4), (0, 0, 2, 0), (1, 1, 1, 1), (0, 0, 1, 3)])
def test_a_map_says_where_every_value_lies(border: tuple[int, int, int, int]) -> None:
    """The formula of csrc/calls.h: no two values in one place, and around them, in the plane, what is no value."""
    layout = Layout(5, 6, 3, border)
    top, bottom, left, right = border
    found = Value(layout, buffer=4).map()
    assert found.offset.buffer == 4
    c, y, x = np.indices((3, top + 5 + bottom, left + 6 + right))
    y, x = y - top, x - left
    places = found.offset.offset + c * found.plane + y * found.row + x
    inside = (y >= 0) & (y < 5) & (x >= 0) & (x < 6)
    values = places[inside]
    assert len(np.unique(values)) == 3 * 5 * 6
    assert not np.isin(places[~inside], values).any()
    assert ((places >= c * layout.plane) & (places < c * layout.plane + layout.used)).all()


def test_rows_share_the_border_between_them() -> None:
    assert Layout(7, 7, 1, (1, 1, 1, 1)).row == 8
    assert Layout(7, 7, 1, (1, 1, 1, 1)).rows == 10  # the last value's right border is the first float of the tenth
    assert Layout(7, 7, 1, (1, 1, 2, 5)).row == 12
    assert Layout(7, 7, 1, (1, 1, 0, 5)).rows == 9


def test_channels_and_rows_of_a_value() -> None:
    value = Value(Layout(5, 6, 3, (1, 1, 2, 2)), 0)
    whole = value.map()
    part = value.map(1, 2)
    assert (part.offset.offset - whole.offset.offset, part.channels) == (whole.plane, 2)
    first, middle, last = value.rows(0, 2), value.rows(2, 4), value.rows(4, 5)
    assert [(r.height, r.top, r.bottom) for r in (first, middle, last)] == [(2, 1, 0), (2, 0, 0), (1, 0, 1)]
    assert middle.offset.offset - whole.offset.offset == 2 * whole.row


def test_a_vector_is_an_image_of_one_pixel() -> None:
    layout = layout_of((7,))
    assert (layout.height, layout.width, layout.channels, layout.plane, layout.size) == (1, 1, 7, 1, 7)
    assert layout_of((2, 3, 4)) == Layout(2, 3, 4)


def test_planes_lie_on_lines_and_never_on_one_cache_set() -> None:
    for used in range(2, 5000, 7):
        plane = plane_of(used)
        assert plane >= used
        assert plane % 16 == 0
        assert plane % 1024


def test_rows_are_whole_lines_where_that_is_little_more() -> None:
    assert whole_lines(60, share=14) == 64
    assert whole_lines(57, share=8) == 64
    assert whole_lines(57, share=7) == 57 + 7
    assert whole_lines(33, share=14) == 33
    assert round_up(17, 16) == 32
