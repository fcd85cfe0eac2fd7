"""``examples/untrusted.py``: whatever two files hold, an answer or an error comes, in bounded time and memory."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from lcnn_engine import write_model
from lcnn_engine.model.graph import Conv2D, GlobalAvgPool2D, Preprocessing, Resize, Softmax
from tests.helpers.deploy_page import DIGITS, MODEL, Clone
from tests.helpers.examples import example
from tests.helpers.networks import chain, with_tensors

untrusted = example("untrusted.py")


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header promises more than there is."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return start + struct.pack(">I", 100) + b"IDAT"


def slow_model(path: Path) -> Path:
    """A network that computes for half a minute in little memory: a convolution of 255 x 255."""
    nodes = [
        Conv2D(name="wide", inputs=("image",), filters=8, kernel_size=(1, 1)),
        Conv2D(name="long", inputs=("wide",), filters=7, kernel_size=(255, 255), padding=(127, 127, 127, 127)),
        GlobalAvgPool2D(name="mean", inputs=("long",)),
        Softmax(name="probabilities", inputs=("mean",)),
    ]
    preprocessing = Preprocessing("L", (0.0,), (1.0,), 1 / 255, Resize("exact", (512, 512), "bilinear"))
    graph, tensors = with_tensors(chain(nodes, (512, 512, 1), preprocessing=preprocessing))
    write_model(graph, tensors, path)
    return path


def test_as_printed(clone: Clone) -> None:
    assert json.loads(clone.output("examples/untrusted.py"))["classes"][0][0] == "0"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no picture", "UnidentifiedImageError"),
        (png_of_size(8000, 8000), "expected at most 50000000 pixels, got 8000 x 8000"),
        (png_of_size(2**30, 2**30), "DecompressionBombError"),
        (png_of_size(100, 100), "InputError"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "UnidentifiedImageError"),
    ],
)
def test_pictures(tmp_path: Path, content: bytes, why: str) -> None:
    picture = tmp_path / "picture"
    picture.write_bytes(content)
    assert why in untrusted.ask(str(MODEL), str(picture))["error"]


@pytest.mark.parametrize("content", [b"", b"x" * 100, struct.pack("<Q", 2**62)])
def test_models(tmp_path: Path, content: bytes) -> None:
    model = tmp_path / "model.safetensors"
    model.write_bytes(content)
    assert untrusted.ask(str(model), str(DIGITS[0]))["error"].startswith("ModelFormatError: ")


def test_a_model_that_would_take_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untrusted, "PATIENCE", 3)
    model = slow_model(tmp_path / "slow.safetensors")
    assert untrusted.ask(str(model), str(DIGITS[0])) == {"error": "ended after 3 seconds"}


@pytest.mark.parametrize("limit", ["SECONDS", "MEGABYTES"])
def test_the_process_limits_itself(tmp_path: Path, limit: str) -> None:
    """Without the one who ends it: processor time and memory are bounded inside."""
    program = tmp_path / "limited.py"
    source = Path(untrusted.__file__).read_text()
    program.write_text(source.replace("SECONDS, MEGABYTES = 10, 1024", "SECONDS, MEGABYTES = 2, 256"))
    picture = tmp_path / "large.png"
    Image.new("RGB", (7000, 7000)).save(picture)
    model, image = (slow_model(tmp_path / "slow"), DIGITS[0]) if limit == "SECONDS" else (MODEL, picture)
    found = example(str(program)).ask(str(model), str(image))
    assert found["error"] == "ended with status -9" if limit == "SECONDS" else "MemoryError" in found["error"]
