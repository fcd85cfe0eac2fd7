"""One picture: its classes, or why there are none, and the row that says so."""

from __future__ import annotations

import os
import pickle
import threading
from pathlib import Path

import pytest

from lcnn_engine import InputError, Net, write_model
from lcnn_engine.batch import Classifier
from lcnn_engine.batch.classifying import columns_of
from tests.helpers.batch_rows import expected_row
from tests.helpers.model_files import valid_graph, valid_tensors, without


def test_columns() -> None:
    assert columns_of(1) == ["path", "label", "probability", "error"]
    assert columns_of(3) == [
        "path", "label", "probability", "label_2", "probability_2", "label_3", "probability_3", "error",
    ]  # fmt: skip


def test_a_row_is_what_the_network_says(net: Net, pictures: Path) -> None:
    path = pictures / "3.png"
    row = Classifier(net).row(str(path), str(path))
    assert row == expected_row(net, path)
    assert Classifier(net).row("named", path.read_bytes()) == row | {"path": "named"}
    pickled = pickle.loads(pickle.dumps(Classifier(net)))
    assert pickled.row(str(path), path) == row


def test_more_classes_than_there_are(net: Net, pictures: Path) -> None:
    classes = net.output_shape[0]
    row = Classifier(net, classes + 1).row("a", str(pictures / "1.png"))
    ranked = net.classify(pictures / "1.png", top=classes)
    assert [(row["label"], row["probability"]), (row["label_2"], row["probability_2"])] == ranked[:2]
    assert row[f"label_{classes}"] == ranked[-1][0]
    assert (row[f"label_{classes + 1}"], row[f"probability_{classes + 1}"], row["error"]) == (None, None, None)


def test_what_failed_is_in_the_row(net: Net, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = Classifier(net)
    empty = {"label": None, "probability": None}
    missing = str(pictures / "none.png")
    assert classifier.row(missing, missing) == {
        "path": missing, **empty, "error": f"{missing}: No such file or directory",
    }  # fmt: skip
    assert "expected an image, got a directory" in classifier.row("a", str(pictures))["error"]
    assert "expected a whole image" in classifier.row("a", b"none")["error"]
    assert classifier.row("a", b"", InputError("no words")) == {"path": "a", **empty, "error": "no words"}

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("lcnn_engine.batch.classifying.to_input", fail)
    assert classifier.row("a", b"large") == {"path": "a", **empty, "error": "out of memory"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_read_once(net: Net, pictures: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes((pictures / "2.png").read_bytes()))
    writer.start()
    assert Classifier(net).classes(str(pipe)) == net.classify(pictures / "2.png", top=1)
    writer.join()


def test_a_network_that_cannot_classify_pictures_is_refused(tmp_path: Path) -> None:
    bare, planes = without(valid_graph(), "preprocessing"), without(valid_graph(), "labels") | {"output": "norm"}
    for graph, said in [(bare, "how to preprocess images"), (planes, r"gives \(classes,\), got \(")]:
        write_model(graph, valid_tensors(), tmp_path / "model")
        with pytest.raises(InputError, match=said):
            Classifier(Net.load(tmp_path / "model"))
