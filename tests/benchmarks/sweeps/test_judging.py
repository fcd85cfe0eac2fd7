"""Right answers are counted over batches, and their interval is Wilson's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from benchmarks.comparison.matchups import Entry
from benchmarks.networks.images import DIGITS
from benchmarks.networks.model_files import shipped
from benchmarks.sweeps import judging
from benchmarks.sweeps.judging import LabelledImages, count_right, interval, load_test
from lcnn_engine import Net

SMALL = Path(__file__).parents[2] / "data" / "mnist-small"


def test_interval() -> None:
    """Newcombe (1998): 81 of 263 and 15 of 148, by the score method."""
    assert interval(81, 263) == (pytest.approx(25.53, abs=0.01), pytest.approx(36.62, abs=0.01))
    assert interval(15, 148) == (pytest.approx(6.24, abs=0.01), pytest.approx(16.05, abs=0.01))
    assert interval(20, 20) == (pytest.approx(83.89, abs=0.01), pytest.approx(100.0))


def test_the_engines_count_alike(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    files = sorted(DIGITS.glob("*.png"))[:11]
    images = np.stack([np.asarray(Image.open(file).convert("L")) for file in files])
    net = Net.load(shipped())
    answers = [int(net.predict(file).argmax()) for file in files]
    labels = np.array([int(file.stem[-1]) for file in files])
    labels[:3] = (labels[:3] + 1) % 10
    monkeypatch.setattr(judging, "AT_ONCE", 4)
    test = LabelledImages(images, labels)
    wanted = int((np.array(answers) == labels).sum())
    assert 6 <= wanted <= 8
    assert count_right(Entry("lcnn", str(shipped())), test) == wanted


def test_load_test() -> None:
    found = load_test("mnist", str(SMALL))
    assert found.images.shape[1:] == (28, 28)
    assert len(found.images) == len(found.labels)
