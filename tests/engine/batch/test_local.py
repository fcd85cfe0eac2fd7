"""Pictures on the cores of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from lcnn_engine import InputError, Net
from lcnn_engine.batch import Classifier
from lcnn_engine.batch.local import answered_here
from lcnn_engine.batch.tables import Picture
from tests.helpers.batch_rows import expected_row


@pytest.mark.parametrize("workers", [1, 3])
def test_rows_in_order(net: Net, pictures: Path, workers: int) -> None:
    paths = sorted(pictures.glob("[0-9].png")) * 5
    sources = [*(Picture(str(path), str(path)) for path in paths), Picture("none", b"", InputError("no picture"))]
    found = [row for rows in answered_here(Classifier(net), sources, workers) for row in rows]
    assert found[:-1] == [expected_row(net, path) for path in paths]
    assert found[-1] == {"path": "none", "label": None, "probability": None, "error": "no picture"}


def test_no_pictures(net: Net) -> None:
    assert list(answered_here(Classifier(net), [], 2)) == []
