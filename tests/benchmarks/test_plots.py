"""Figures of a comparison: drawn from the JSON alone, whatever of it is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib")

from benchmarks import plots

MACHINE = {"processor": "some", "isa": "avx2", "blas_core": "Haswell", "lcnn": "0.1", "onnxruntime": "1.0"}
NETWORK, DENSE = "weights/mine.safetensors", "weights/mine.safetensors:dense-equivalent"


def _row(engine: str, network: str, milliseconds: float | None, batch: int = 1, threads: int = 1) -> dict[str, Any]:
    numbers = {} if milliseconds is None else {"milliseconds": milliseconds}
    ratios = {NETWORK: milliseconds}  # of ours, which takes 1 ms
    return {"engine": engine, "network": network, "batch": batch, "threads": threads, "ratios": ratios, **numbers}


@pytest.fixture
def results() -> dict[str, Any]:
    alone = [
        _row("lcnn", NETWORK, 1.0), _row("onnxruntime", DENSE, 20.0), _row("litert-int8", DENSE, 0.5),
        _row("tensorflow", DENSE, None),
    ]  # fmt: skip
    alone.append(_row("lcnn-int8", NETWORK, 0.8))  # run alone and no other way
    many = [_row("lcnn", NETWORK, 0.9, 32), _row("lcnn", NETWORK, 1.0), _row("onnxruntime", DENSE, 15.0, 32)]
    start = {"whole_median": 0.2, "peak_median": 80.0}
    return {
        "machine": MACHINE,
        "matchups": {"mine, batch 1, threads 1": alone, "mine, batch 32, threads 1": many},
        "starts": [
            {"engine": "lcnn", "network": NETWORK, **start},
            {"engine": "tensorflow", "network": DENSE, "whole_median": None, "peak_median": None},
        ],
    }


def _texts(figure: Any) -> list[str]:
    return [text.get_text().strip() for axes in figure.axes for text in axes.texts]


def test_fastest_first_and_what_did_not_run_is_left_out(results: dict[str, Any]) -> None:
    (axes,) = plots.latency(results).axes
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert labels == [
        "LiteRT, int8 dynamic range: mine (dense equivalent)",
        "LCNN engine, int8: mine",
        "LCNN engine: mine",
        "ONNX Runtime: mine (dense equivalent)",
    ]
    assert [bar.get_width() for bar in axes.patches] == [0.5, 0.8, 1.0, 20.0]


def test_losses_are_red(results: dict[str, Any]) -> None:
    figure = plots.speedups(results)
    assert _texts(figure) == ["20.00x", "0.50x"]
    from matplotlib.colors import to_hex

    assert [to_hex(bar.get_facecolor()) for bar in figure.axes[0].patches] == [plots.OURS, plots.LOSS]


def test_every_batch_has_its_bar(results: dict[str, Any]) -> None:
    texts = _texts(plots.scaling(results))
    assert "1,000   batch 1, threads 1" in texts
    assert "1,111   batch 32, threads 1" in texts
    assert len(texts) == 4  # not of what was run in one way only


def test_figures_lie_beside_the_numbers(results: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    path.write_text(json.dumps(results))
    assert plots.main([str(path)]) == 0
    names = {file.name for file in tmp_path.glob("*.png")}
    assert names == {f"numbers-{name}.png" for name in ("latency", "speedup", "scaling", "cold-start")}
    path.write_text(json.dumps({**results, "matchups": {}, "starts": []}))
    assert plots.draw(path) == []


def test_files_of_before_are_read(results: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    path.write_text(json.dumps({("contests" if key == "matchups" else key): value for key, value in results.items()}))
    assert len(plots.draw(path)) == 4


def test_other_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "other.json"
    path.write_text("{}")
    for name in (path, tmp_path / "missing.json"):
        assert plots.main([str(name)]) == 2
        assert capsys.readouterr().err.startswith("error: ")
