"""A sweep of three tiny networks, the whole way: trained, judged, timed, drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("keras")
pytest.importorskip("onnxruntime")

from benchmarks.sweeps import __main__ as command
from benchmarks.sweeps import measuring, page, tables, training
from benchmarks.sweeps.tables import Structure, Sweep
from benchmarks.sweeps.training import TrainerError, seconds_of
from benchmarks.utils import report
from lcnn_train.cli import main as trainer

SMALL = Path(__file__).parents[2] / "data" / "mnist-small"
TINY = Sweep(
    name="tiny",
    dataset="mnist",
    config="mnist-lenet-dense",
    width=0.2,
    widths=(0.1,),
    structures=(Structure("pruned", "pruned", ("model.dictionary=[none, none, none]",), (0.5,)),),
    epochs=1,
    size_epochs=1,
    sparsity="end_epoch: 0.5, every: 1",
    rate=0.01,
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, results: Path, tmp_path: Path) -> list[list[str]]:
    """What the trainer is asked; it works in this process, and the page lies elsewhere."""
    listed: list[list[str]] = []

    def run(arguments: list[str]) -> None:
        listed.append(arguments)
        few = ["--set", "data.validation=10", "--set", "train.batch_size=20"] if arguments[0] == "fit" else []
        assert trainer([*arguments, *few]) == 0

    own = tmp_path / "page.md"
    monkeypatch.setattr(training, "_trainer", run)
    monkeypatch.setitem(tables.SWEEPS, "tiny", TINY)
    for module, name, engines in ((measuring, "OURS", ("lcnn",)), (measuring, "OTHERS", ("onnxruntime",))):
        monkeypatch.setattr(module, name, engines)
    monkeypatch.setattr(page, "page_path", lambda name: own)
    monkeypatch.setattr(page, "picture_path", lambda name: tmp_path / "page.png")
    return listed


def test_the_whole_way(asked: list[list[str]], tmp_path: Path) -> None:
    words = ["tiny", "--data", str(SMALL), "--runs", str(tmp_path / "runs"), "--rounds", "2", "--seconds", "30"]
    words += ["--files", str(tmp_path / "files")]
    assert command.main(words) == 0
    assert [line[0] for line in asked] == ["fit", "export"] * 4
    found = json.loads((report.RESULTS / "sweep-tiny.json").read_text())
    assert [point["name"] for point in found["points"]] == ["pruned-0.5", "dense-0.1", "dense-0.2"]
    pruned, small, dense = found["points"]
    assert 0 < pruned["lookups"] < pruned["multiplications"] < 0.6 * dense["multiplications"]
    assert small["multiplications"] < dense["multiplications"]
    assert small["bytes"] < dense["bytes"]
    assert set(pruned["engines"]) == {"lcnn"}
    assert set(dense["engines"]) == {"lcnn", "onnxruntime"}
    assert dense["engines"]["lcnn"]["right"] == dense["engines"]["onnxruntime"]["right"]
    for point in found["points"]:
        for one in point["engines"].values():
            assert one["low"] <= one["accuracy"] <= one["high"]
            assert 0 < one["milliseconds"] <= one["median"]
            assert one["rounds"] == 2
    assert (tmp_path / "page.png").stat().st_size > 10_000
    text = (tmp_path / "page.md").read_text()
    assert "| pruned | to 50% |" in text
    assert "| dense | width 0.1 |" in text
    assert text.startswith("# tiny: accuracy against time\n")
    assert command.main([*words, "draw"]) == 0
    assert (tmp_path / "page.md").read_text() == text

    asked.clear()
    assert command.main([*words, "train", "judge"]) == 0
    assert asked == []  # all is there
    again = json.loads((report.RESULTS / "sweep-tiny.json").read_text())
    assert again["points"] == found["points"]


def test_seconds_count_an_epoch_once(tmp_path: Path) -> None:
    events = [{"event": "start"}, *({"event": "epoch", "epoch": n, "seconds": s} for n, s in ((1, 5), (2, 9), (2, 3)))]
    (tmp_path / "chronicle.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    assert seconds_of(tmp_path) == 8


def test_a_training_that_fails_says_which(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TrainerError, match="lcnn-train fit ended with 2: lcnn-train fit no-such-preset"):
        training._trainer(["fit", "no-such-preset"])
    assert "no-such-preset" in capfd.readouterr().err


@pytest.mark.parametrize("words", [["tiny", "fly"], ["tiny", "draw"], ["tiny", "judge", "--data", "nowhere"]])
def test_what_cannot_be_done(words: list[str], asked: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(words) == 2
    assert "error: " in capsys.readouterr().err
