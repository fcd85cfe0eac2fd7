"""Pictures on the cores of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from lcnn_engine import InputError, Net
from lcnn_engine.batch import Classifier
from lcnn_engine.batch.local import answered_here
from lcnn_engine.batch.tables import Picture
from lcnn_engine.utils.ahead import pieces
from tests.helpers.batch_rows import expected_row


@pytest.mark.parametrize("workers", [1, 3])
def test_rows_in_order(net: Net, pictures: Path, workers: int) -> None:
    paths = sorted(pictures.glob("[0-9].png")) * 5
    sources = [*(Picture(str(path), str(path)) for path in paths), Picture("none", b"", InputError("no picture"))]
    found = [row for rows in answered_here(Classifier(net), sources, workers) for row in rows]
    assert found[:-1] == [expected_row(net, path) for path in paths]
    assert found[-1] == {"path": "none", "label": None, "probability": None, "error": "no picture"}


@pytest.mark.parametrize(("named", "together"), [(0, 1), (63, 1), (128, 2), (10_000, 8)])
def test_named_pictures_go_several_at_a_time(net: Net, pictures: Path, named: int, together: int) -> None:
    path = min(pictures.glob("[0-9].png"))
    rows = list(answered_here(Classifier(net), [Picture(str(path), str(path))] * 9, 2, named))
    assert [len(some) for some in rows] == [len(some) for some in pieces(range(9), together)]
    assert [row for some in rows for row in some] == [expected_row(net, path)] * 9


def test_no_pictures(net: Net) -> None:
    assert list(answered_here(Classifier(net), [], 2)) == []
