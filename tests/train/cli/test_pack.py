"""`lcnn-train pack`, on class folders."""

from lcnn_train.data.records import read_records
from tests.helpers.commands import run
from tests.helpers.training import SMALL


def test_pack(made, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    status, out, _ = run(capsys, "pack", made[0] / "set", tmp_path / "out", "--shards", 2)
    assert status == 0
    assert "22 images in 2 files, from train-00000-of-00002 on" in out
    assert "skipped 2 images" in out
    assert len(read_records(tmp_path / "out", "train")) == 22
    status, _, error = run(capsys, "pack", made[0] / "set", tmp_path / "out")
    assert status == 2
    assert "expected no train files yet" in error
    status, out, _ = run(capsys, "pack", SMALL, tmp_path / "digits", "--dataset", "mnist", "--part", "test")
    assert "50 images in 1 file, from validation-00000-of-00001 on" in out
