"""Places that calls name by numbers."""

from __future__ import annotations

from lcnn_engine.plan.references import Place


def test_places_move_within_their_buffer() -> None:
    assert Place(2, 5).moved(7) == Place(2, 12)
