"""Pictures on the cores of a cluster: as on this machine, whichever actor is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lcnn_engine import Net
from lcnn_engine.batch import run_batch
from lcnn_engine.batch.on_ray import MOST_IN_PART, _parts
from lcnn_engine.batch.tables import Picture, RowGroup
from tests.helpers.batch_rows import check_rows, rows_of
from tests.helpers.image_files import save_noise
from tests.helpers.interpreters import python
from tests.helpers.running import ROOT

KILLING = """
import json, os, signal, sys
from pathlib import Path
from lcnn_engine.batch import run_batch

def parents(pid):
    while pid > 1:
        yield pid
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

def actors():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        pid = int(path.parent.name)
        try:
            name = path.read_bytes()
            if name.startswith(b"ray::") and b"_Actor" in name and os.getpid() in parents(pid):
                yield pid
        except OSError:
            pass

killed = []
def progress(done, total):
    found = [] if killed else sorted(actors())
    if len(found) == 2:
        os.kill(found[0], signal.SIGKILL)
        killed.extend([found[0], done])

summary = run_batch(sys.argv[1], [sys.argv[2]], sys.argv[3], engine="ray", threads=2, progress=progress)
print(json.dumps([killed, summary.rows, summary.failed]))
"""


DEADLY = """
import json, os, signal, sys
from pathlib import Path
from lcnn_engine import Net
from lcnn_engine.batch import Classifier
from lcnn_engine.batch.on_ray import answered_on_ray
from lcnn_engine.batch.tables import Picture

class Deadly(Classifier):
    def row(self, name, image, error=None):
        if name == "5" and error is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().row(name, image, error)

sources = [Picture(str(number), sys.argv[2]) for number in range(20)]
found = answered_on_ray(Deadly(Net.load(sys.argv[1], threads=1)), sources, 1, None)
print(json.dumps([row for rows in found for row in rows]))
"""


def test_parts() -> None:
    pictures = [Picture(str(number), "") for number in range(3000)]
    group = RowGroup("t", 0, 0, 5, "bytes", None)
    for count, actors, size in [(3000, 2, MOST_IN_PART), (100, 2, 6), (5, 2, 1), (1000, 100, 1)]:
        first, *others = _parts([*pictures[:count], group], actors)
        assert first == group
        assert [len(part) for part in others[:-1]] == [size] * (len(others) - 1)
        assert [picture for part in others for picture in part] == pictures[:count]  # type: ignore[union-attr]


def test_without_ray(model_path: Path, pictures: Path, tmp_path: Path) -> None:
    code = "import sys\nfrom lcnn_engine.cli import main\nsys.exit(main(sys.argv[1:]))"
    command = ("batch", model_path, pictures, "--out", tmp_path / "a.csv", "--engine", "ray")
    result = python(code, *command, blocked=("ray",))
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert 'pip install "lcnn[ray]"' in result.stderr
    result = python(code, *command[:-1], "local")  # what is left behind is no run to resume
    assert result.returncode == 2
    assert len(rows_of(tmp_path / "a.csv")) == 11


def _interrupted(model: Path, words: list[str], out: Path) -> None:
    """Answer eight pictures on this machine, and be interrupted."""

    def progress(done: int, total: int | None) -> None:
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch(model, words, out, progress=progress)


class TestOnRay:
    @pytest.fixture(autouse=True)
    def with_ray(self) -> None:
        pytest.importorskip("ray.data", reason="the engine ray needs Ray")
        pytest.importorskip("pyarrow")

    def test_as_on_this_machine(
        self, model_path: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Files by a relative path, an object of a store, bytes in Parquet; a run that goes on; little is said."""
        import pyarrow
        from pyarrow import parquet

        contents = [path.read_bytes() for path in sorted(pictures.glob("[0-9].png"))]
        parquet.write_table(pyarrow.table({"bytes": contents}), tmp_path / "t.parquet", row_group_size=5)
        monkeypatch.chdir(tmp_path)
        words = [pictures.name, f"file://{pictures}/1.png", "t.parquet"]
        command = [
            sys.executable,
            "-m",
            "lcnn_engine",
            "batch",
            model_path,
            *words,
            "--out",
            "a.jsonl",
            "--threads",
            "2",
        ]
        options = {
            "cwd": tmp_path,
            "capture_output": True,
            "text": True,
            "env": {**os.environ, "PYTHONPATH": str(ROOT)},
        }
        local = subprocess.run([*command, "--json"], check=False, **options)  # type: ignore[call-overload]
        assert local.returncode == 2
        expected = {row["path"]: row for row in rows_of(tmp_path / "a.jsonl")}
        (tmp_path / "a.jsonl").unlink()
        _interrupted(model_path, words, tmp_path / "a.jsonl")
        command += ["--json", "--engine", "ray", "--resume"]
        found = subprocess.run(command, check=False, **options)  # type: ignore[call-overload]
        assert found.returncode == 2, found.stderr
        assert [
            line for line in found.stderr.splitlines() if "core_worker.cc" not in line
        ] == []  # Ray of its own actors
        summary = json.loads(found.stdout)
        assert (summary["rows"], summary["failed"], summary["resumed"]) == (21, 2, 8)
        rows = rows_of(tmp_path / "a.jsonl")
        assert len(rows) == 21
        assert {row["path"]: row for row in rows} == expected

    def test_a_picture_that_no_process_survives(self, model_path: Path, pictures: Path) -> None:
        result = python(DEADLY, model_path, pictures / "1.png")
        assert result.returncode == 0, result.stderr
        rows = json.loads(result.stdout.splitlines()[-1])
        assert sorted(int(row["path"]) for row in rows) == list(range(20))
        assert [row["path"] for row in rows if row["error"]] == ["5"]
        assert "2 processes were lost with" in next(row["error"] for row in rows if row["error"])

    @pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="actors are found by /proc")
    def test_nothing_is_lost_with_an_actor(self, net: Net, model_path: Path, pictures: Path, tmp_path: Path) -> None:
        save_noise(tmp_path / "large.png", seed=0, size=(800, 800))
        for number in range(400):
            (pictures / f"x{number}.png").symlink_to(tmp_path / "large.png")
        result = python(KILLING, model_path, pictures, tmp_path / "a.jsonl")
        assert result.returncode == 0, result.stderr
        (process, done), rows, failed = json.loads(result.stdout.splitlines()[-1])
        assert done < 411
        with pytest.raises(ProcessLookupError):
            os.kill(process, signal.SIG_DFL)
        assert (rows, failed) == (411, 2)
        found = rows_of(tmp_path / "a.jsonl")
        assert len({row["path"] for row in found}) == len(found) == 411
        check_rows([row for row in found if not Path(row["path"]).name.startswith("x")], net, pictures)
