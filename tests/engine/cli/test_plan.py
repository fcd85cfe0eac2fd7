"""``lcnn plan``."""

from __future__ import annotations

from pathlib import Path

import pytest

from lcnn_engine.cli import main
from lcnn_engine.embed.plan_file import MAGIC


def test_it_writes_a_file_and_says_how_large(model_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    place = tmp_path / "net.lcnn"
    assert main(["plan", str(model_path), str(place), "--isa", "scalar", "--precision", "bfloat16"]) == 0
    assert f"{place.stat().st_size:,} bytes" in capsys.readouterr().out
    assert place.read_bytes().startswith(MAGIC)


@pytest.mark.parametrize("place", ["net.lcnn", "missing/net.lcnn"])
def test_what_cannot_be_is_one_line(
    model_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture, place: str
) -> None:
    options = ["--isa", "sse9"] if place == "net.lcnn" else []
    assert main(["plan", str(model_path), str(tmp_path / place), *options]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.glob("*.lcnn"))
