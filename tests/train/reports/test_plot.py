"""The figure of a run shows what its log says; a log that is none, and a missing Matplotlib, are named."""

import sys
import warnings
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from lcnn_train.cli import main
from lcnn_train.reports.plot import _draw_accuracy, read_log

SHIPPED = Path(__file__).parents[3] / "weights" / "mnist-alexnet-lcnn-fast.csv"
HEAD = "epoch,loss,accuracy,top5,val_loss,val_accuracy,val_top5,learning_rate"


def test_the_shipped_log_is_drawn(tmp_path):
    assert main(["plot", str(SHIPPED), "--output", str(tmp_path / "a.png")]) == 0
    image = Image.open(tmp_path / "a.png").convert("RGB")
    colours = {colour for _, colour in image.getcolors(1 << 20)}
    assert {(0, 0x72, 0xB2), (0xD5, 0x5E, 0), (0, 0x9E, 0x73)} <= colours  # training, validation, a layer's density
    assert read_log(SHIPPED)["val_accuracy"][-1] == pytest.approx(0.99)


@pytest.mark.parametrize("layers", [0, 1, 50])
def test_any_number_of_layers_and_a_single_epoch(tmp_path, layers):
    names = [f"density_stage{index}" for index in range(layers)]
    row = "1,2.5,.5,.9,2.6,.4,.8,.01" + ",.5" * layers + ",1000"
    (tmp_path / "log.csv").write_text(",".join([HEAD, *names, "lookup_multiplications"]) + "\n" + row + "\n")
    assert main(["plot", str(tmp_path), "--output", str(tmp_path / "a.svg")]) == 0

    assert "<svg" in (tmp_path / "a.svg").read_text()


def test_the_axis_of_accuracy_begins_where_the_curves_do(tmp_path):
    """And numbers that are none, or all the same, still make a figure."""
    for values, expected in (
        ((0.9, 0.95, 0.99), (0.895, 1.002)),
        ((0.1, 0.5, 0.9), (0.055, 1.018)),
        ((0.0, 0.5, 0.9), (0.0, 1.02)),
        ((1.0, 1.0, 1.0), (0.9995, 1.0002)),
        ((0.001, 0.03, 0.051), (0.0, 0.052)),
        ((float("nan"),) * 3, (0.0, 1.02)),
    ):
        rows = [f"{epoch},2,{value},1,2,{value},1,.1" for epoch, value in enumerate(values, start=1)]
        (tmp_path / "log.csv").write_text("\n".join([HEAD, *rows]) + "\n")
        log = read_log(tmp_path / "log.csv")
        figure = Figure()
        _draw_accuracy(figure.subplots(), {key: log[key] for key in ("epoch", "accuracy", "val_accuracy")})
        assert figure.axes[0].get_ylim() == pytest.approx(expected)
        assert main(["plot", str(tmp_path), "--output", str(tmp_path / "a.svg")]) == 0


def test_a_single_epoch_without_validation(tmp_path):
    """Has one tick, and no best; nor does a density of 0 at every epoch have a place on a logarithmic axis."""
    row = "1,2.5,.5,.9,2.6,nan,nan,.01,0,0"
    (tmp_path / "log.csv").write_text(f"{HEAD},density_a,lookup_multiplications\n{row}\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert main(["plot", str(tmp_path), "--output", str(tmp_path / "a.svg")]) == 0
    drawn = (tmp_path / "a.svg").read_text()
    assert "<!-- Accuracy -->" in drawn
    assert drawn.count("<!-- 1 -->") == 3
    assert "nan" not in drawn


LOGS = {
    "": "expected the log of a run: rows of numbers",
    HEAD + "\n": "expected the log of a run: rows of numbers",
    HEAD + "\n1,a,1,1,1,1,1,1\n": "expected the log of a run: rows of numbers",
    "epoch,loss\n1,2\n": "it has no accuracy, val_accuracy, val_loss",
}


@pytest.mark.parametrize("text", LOGS)
def test_what_is_no_log(tmp_path, capsys, text):
    (tmp_path / "log.csv").write_text(text)
    assert main(["plot", str(tmp_path)]) == 2
    assert LOGS[text] in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


def test_other_mistakes(tmp_path, capsys, monkeypatch):
    assert main(["plot", str(tmp_path)]) == 2
    assert "expected the log of a run, found nothing" in capsys.readouterr().err
    assert main(["plot", str(SHIPPED), "--output", str(tmp_path / "a.gif")]) == 2
    assert "expected a name that ends in .png, .svg, .pdf" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["plot", str(SHIPPED), "--output", str(tmp_path / "a.png")]) == 2
    assert 'pip install "lcnn[plot]"' in capsys.readouterr().err
