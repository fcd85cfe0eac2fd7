"""What lower precisions change of answers is counted right, and little of the shipped network's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras")

from benchmarks import precisions
from benchmarks.networks.images import DIGITS
from benchmarks.precisions import LIMITS, Change, Limit, change
from lcnn_train.data.idx import read_idx

PLAIN = np.array([[0.6, 0.4, 0.0], [0.1, 0.45, 0.45], [0.0, 0.2, 0.8]], np.float32)
LABELS = np.array([0, 2, 2])
SMALL = Path(__file__).parents[1] / "data" / "mnist-small"


def test_changes_are_counted() -> None:
    found = np.array([[0.3, 0.7, 0.0], [0.1, 0.44, 0.46], [0.0, 0.2, 0.8]], np.float32)
    assert change(PLAIN, PLAIN, LABELS) == Change(2, 3, 0.0, 0, 0, 2)
    one = change(found, PLAIN, LABELS)
    assert (one.right, one.other_class, one.clearly, one.points) == (2, 2, 1, 0.0)
    assert one.probability == pytest.approx(0.3)
    assert not one.within(Limit(0.5, classes=0))
    assert one.within(Limit(0.5, classes=1, accuracy=0.1))
    assert not one.within(Limit(0.2))


@pytest.fixture(scope="module")
def changes() -> dict[str, Change]:
    """Of the shipped network on the digits of tests/data, whose names say what they are."""
    from PIL import Image

    files = sorted(DIGITS.glob("*.png"))
    images = np.stack([np.asarray(Image.open(file).convert("L")) for file in files])
    labels = np.array([int(file.stem[-1]) for file in files])
    return precisions.measure(precisions.SHIPPED, images, labels)


@pytest.mark.parametrize("precision", LIMITS)
def test_the_shipped_network_changes_little(precision: str, changes: dict[str, Change]) -> None:
    found = changes[precision]
    assert found.images == 60
    assert 0 < found.probability <= LIMITS[precision].probability
    assert found.clearly == 0
    assert changes["float32"].probability == 0.0
    assert changes["float32"].right >= 58


def test_the_command(results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--data", str(SMALL), "--count", "20", "--name", "few"]
    count = min(20, len(read_idx(SMALL / "t10k-labels-idx1-ubyte.gz")))
    assert precisions.main(command) == 0
    out = capsys.readouterr().out
    assert f"{count} test digits" in out
    assert "bfloat16" in out
    numbers = json.loads((results / "few.json").read_text())["precisions"]
    assert numbers["int8"]["images"] == count
    monkeypatch.setattr(precisions, "LIMITS", {"int8": Limit(0.0)})
    assert precisions.main([*command, "--check"]) == 1
    assert "MISSED" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--data", str(SMALL), "--count", "0"], "expected count to be at least 1"),
        (["no-such.safetensors", "--data", str(SMALL)], "no-such.safetensors"),
    ],
)
def test_the_command_refuses(
    arguments: list[str], message: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert precisions.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
