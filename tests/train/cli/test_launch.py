"""`lcnn-train launch` gives every worker what `fit` takes."""

import pytest

from lcnn_train.cli import main
from lcnn_train.training.launch import fit_command


def test_the_command_gives_every_worker_its_own_words(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.yaml").write_text("name: a\n")
    calls = []
    monkeypatch.setattr("lcnn_train.training.launch.launch", lambda *values: calls.append(values) or 0)
    arguments = ["a.yaml", "--run", "r", "--data", "d", "--set", "train.epochs=3", "--set", "train.seed=2"]
    monkeypatch.chdir(tmp_path)
    assert main(["launch", *arguments, "--workers", "4", "--restarts", "2"]) == 0
    command, workers, logs, restarts, gpus = calls[0]
    assert command == fit_command(arguments)
    assert (workers, str(logs), restarts, gpus) == (4, "r/logs", 2, None)
    assert main(["launch", "a.yaml", "--workers", "2", "--set", "train.epoch=3"]) == 2
    assert "did you mean epochs?" in capsys.readouterr().err
    for wrong in ("0", "-1", "two"):
        with pytest.raises(SystemExit) as error:
            main(["launch", "a.yaml", "--workers", wrong])
        assert error.value.code == 2
    assert "expected a number of at least 1" in capsys.readouterr().err
    assert len(calls) == 1
