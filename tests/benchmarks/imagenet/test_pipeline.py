"""The made pictures lie as ImageNet's do, and the trainer reads them so."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from benchmarks.imagenet import pipeline


def test_class_folders_are_made_once(tmp_path: Path) -> None:
    pipeline.make_folders(tmp_path, classes=3)
    files = sorted(tmp_path.rglob("*.JPEG"))
    assert len(files) == 3 * sum(pipeline.EACH.values())
    assert {path.parent.name for path in files} == {"n00000000", "n00000001", "n00000002"}
    assert Image.open(files[0]).size == pipeline.SIZE
    files[0].write_bytes(b"as it is")
    pipeline.make_folders(tmp_path, classes=3)
    assert files[0].read_bytes() == b"as it is"


def test_the_trainer_finds_both_parts_and_every_class(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    from lcnn_train.config.experiment import load_config
    from lcnn_train.data.images import classes_of
    from lcnn_train.data.sets import load

    pipeline.make_folders(tmp_path, classes=3)
    data = load_config(pipeline.CONFIGURATION, folder=str(tmp_path)).data
    for part, each in (("train", pipeline.EACH["train"]), ("test", pipeline.EACH["val"])):
        images = load(data, part)
        assert classes_of(images) == 3
        assert len(images.labels) == 3 * each


def test_the_first_failure_ends_it(tmp_path: Path) -> None:
    (tmp_path / "val" / "a").mkdir(parents=True)
    (tmp_path / "val" / "a" / "a.JPEG").write_bytes(b"no picture")
    with pytest.raises(pipeline.PipelineError, match="data"):
        pipeline.run_all(tmp_path, tmp_path / "run", 1, 2)
