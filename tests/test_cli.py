"""The command ``lcnn``: what it prints, and its exit status, whatever it is given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lcnn_engine import Net, __version__, kernel_info, reference, write_model
from lcnn_engine.cli import main
from lcnn_engine.graph import Conv2D, LookupConv2D
from lcnn_engine.kernels import usable_variants

from .golden import make_golden
from .model_files import node, unchecked_file, valid_graph, valid_tensors, without
from .networks import chain, with_tensors

ROOT = Path(__file__).parents[1]
Run = Any  # run(*arguments) -> (exit status, standard output, standard error)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process."""

    def call(*arguments: object) -> tuple[int, str, str]:
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as exit_:  # of argparse
            status = int(exit_.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def in_shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command in which ``lcnn`` is the command."""
    program = f"{sys.executable} -c 'import sys; from lcnn_engine.cli import main; sys.exit(main())'"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; lcnn() {{ {program} \"$@\"; }}; {command}"],
        capture_output=True, text=True, timeout=120, env={**os.environ, **environment}, cwd=ROOT,
    )  # fmt: skip


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Three pictures of noise."""
    rng = np.random.default_rng(5)
    paths = [tmp_path / f"picture {i}.png" for i in range(3)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (30, 25, 3)).astype(np.uint8)).save(path)
    return paths


class TestPredict:
    def test_one_line_a_picture(self, run: Run, model_path: Path, pictures: list[Path]) -> None:
        status, out, err = run("predict", model_path, *pictures, "--top", 2, "--threads", 1)
        assert (status, err) == (0, "")
        net = Net.load(model_path)
        for line, path in zip(out.splitlines(), pictures, strict=True):
            (first, p), (second, q) = net.classify(path, top=2)
            assert line.split("   ") == [str(path), f"{first} {p:.2%}", f"{second} {q:.2%}"]

    def test_json(self, run: Run, model_path: Path, pictures: list[Path]) -> None:
        status, out, _ = run("predict", model_path, *pictures, "--json", "--top", 4)
        assert status == 0
        answers = json.loads(out)
        assert [answer["image"] for answer in answers] == [str(path) for path in pictures]
        net = Net.load(model_path)
        for answer in answers:
            found = [(item["label"], item["probability"]) for item in answer["classes"]]
            assert found == net.classify(answer["image"], top=4)

    def test_the_good_pictures_of_many_are_answered(
        self, run: Run, model_path: Path, pictures: list[Path], tmp_path: Path
    ) -> None:
        (tmp_path / "text.png").write_text("no picture")
        (tmp_path / "cut.png").write_bytes(pictures[0].read_bytes()[:100])
        (tmp_path / "empty.png").write_bytes(b"")
        bad = [tmp_path / "none.png", tmp_path, tmp_path / "text.png", tmp_path / "cut.png", tmp_path / "empty.png"]
        status, out, err = run("predict", model_path, pictures[0], *bad, pictures[1])
        assert status == 2
        assert [line.split("   ")[0].strip() for line in out.splitlines()] == [str(path) for path in pictures[:2]]
        lines = err.splitlines()
        assert len(lines) == len(bad)
        for line, path in zip(lines, bad, strict=True):
            assert line.startswith("lcnn: error: ")
            assert str(path) in line

    def test_json_has_the_good_pictures_only(self, run: Run, model_path: Path, pictures: list[Path]) -> None:
        status, out, err = run("predict", model_path, "none.png", pictures[0], "--json")
        assert status == 2
        assert len(json.loads(out)) == 1
        assert "none.png" in err
        status, out, _ = run("predict", model_path, "none.png", "--json")
        assert (status, json.loads(out)) == (2, [])

    def test_model_without_preprocessing(self, run: Run, pictures: list[Path], tmp_path: Path) -> None:
        path = tmp_path / "bare"
        write_model(without(valid_graph(), "preprocessing"), valid_tensors(), path)
        status, out, err = run("predict", path, *pictures)
        assert (status, out) == (2, "")
        assert err.count("\n") == 1
        assert "preprocess" in err

    def test_model_that_gives_no_classes(self, run: Run, pictures: list[Path], tmp_path: Path) -> None:
        path = tmp_path / "planes"
        graph = without(valid_graph(), "labels") | {"output": "norm"}
        write_model(graph, valid_tensors(), path)
        status, out, err = run("predict", path, pictures[0])
        assert (status, out) == (2, "")
        assert "(classes,)" in err

    def test_labels_from_outside_do_not_steer_the_terminal(
        self, run: Run, pictures: list[Path], tmp_path: Path
    ) -> None:
        path = tmp_path / "model"
        write_model(valid_graph() | {"labels": ["\x1b[2J\n", "猫"]}, valid_tensors(), path)
        status, out, _ = run("predict", path, pictures[0])
        assert status == 0
        assert out.count("\n") == 1
        assert "\x1b" not in out
        assert "\\x1b[2J\\n" in out
        assert "猫" in out


class TestInfo:
    def test_kernels(self, run: Run) -> None:
        status, out, _ = run("info")
        assert status == 0
        assert f"isa            {kernel_info()['isa']}\n" in out
        status, out, _ = run("info", "--json")
        assert (status, json.loads(out)) == (0, kernel_info())

    def test_model(self, run: Run) -> None:
        status, out, err = run("info", make_golden.PATH)
        assert (status, err) == (0, "")
        assert f"every operation ✓: 17 nodes, {make_golden.PATH.stat().st_size:,} bytes\n" in out
        assert "image: 8 x 8 x 3\n" in out
        assert (
            "RGB, resize to 9 x 10 (lanczos), crop center, (x * 0.00392157 - [0.5, 0.25, 0.125]) / [1, 2, 0.5]" in out
        )
        rows = {line.split()[0]: line.split() for line in out.splitlines() if line}
        columns = ["lookup_conv2d", "4", "x", "9", "x", "4", "2", "6", "0.1250", "0.003", "0.001", "0.000", "96"]
        assert rows["lookup"][1:] == columns
        assert rows["flat"] == ["flat", "flatten", "616"]
        assert rows["total"][1] == "10"

    def test_json(self, run: Run) -> None:
        status, out, _ = run("info", make_golden.PATH, "--json")
        facts = json.loads(out)
        assert status == 0
        assert facts["file_bytes"] == make_golden.PATH.stat().st_size
        assert facts["labels"] == make_golden.graph()["labels"]
        assert facts["output"] == {"name": "probabilities", "shape": [2]}
        lookup = facts["nodes"][0]
        assert (lookup["name"], lookup["atoms"], lookup["lookups"], lookup["shape"]) == ("lookup", 2, 6, [4, 9, 4])
        assert lookup["bytes"] == 2 * 6 + 4 * (5 + 6 + 6 + 4)  # its dictionary is stored as halves
        tensors = make_golden.tensors(make_golden.FLAT)
        assert facts["total"]["bytes"] == sum(tensor.nbytes for tensor in tensors.values())
        for key in ("multiplications", "of_lookups", "dense", "bytes"):
            assert facts["total"][key] == sum(item[key] for item in facts["nodes"])

    def test_model_without_labels_and_preprocessing(self, run: Run, tmp_path: Path) -> None:
        write_model(without(valid_graph(), "labels", "preprocessing"), valid_tensors(), tmp_path / "bare")
        status, out, _ = run("info", tmp_path / "bare")
        assert status == 0
        assert "no labels" in out
        assert "takes arrays only" in out


class TestVerify:
    def test_every_variant_agrees(self, run: Run, model_path: Path) -> None:
        status, out, err = run("verify", model_path, "--all-isa", "--threads", 1)
        assert (status, err) == (0, "")
        head, *rows = out.splitlines()
        assert head.split() == ["node", "operation", "output", "largest", *usable_variants()]
        names = [line.split()[0] for line in rows if line]
        assert names[:3] == ["conv1", "conv2", "sum"]
        assert "output, as predict runs it" in out
        assert rows[-1].startswith("ok: 12 nodes on seeded noise; largest difference ")

    def test_on_pictures(self, run: Run, model_path: Path, pictures: list[Path]) -> None:
        status, out, _ = run("verify", model_path, *pictures)
        assert status == 0
        assert "ok: 12 nodes on 3 pictures" in out

    def test_model_without_preprocessing_on_noise(self, run: Run, tmp_path: Path) -> None:
        write_model(without(valid_graph(), "preprocessing"), valid_tensors(), tmp_path / "bare")
        assert run("verify", tmp_path / "bare")[0] == 0

    def test_json(self, run: Run, model_path: Path) -> None:
        status, out, _ = run("verify", model_path, "--json", "--all-isa")
        facts = json.loads(out)
        assert (status, facts["ok"], facts["failed"], facts["inputs"]) == (0, True, [], 1)
        assert len(facts["nodes"]) == 13
        for item in facts["nodes"]:
            assert item["difference"].keys() == set(usable_variants())
            assert max(item["difference"].values()) <= facts["tolerance"]

    def test_a_wrong_kernel_is_found(self, run: Run, model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Wrong here: the twin, by two in a hundred thousand, at one node."""
        right = reference.OPERATIONS["max_pool2d"]

        def wrong(*inputs: np.ndarray, **attributes: Any) -> np.ndarray:
            return right(*inputs, **attributes) * np.float32(1.00002)

        monkeypatch.setitem(reference.OPERATIONS, "max_pool2d", wrong)
        status, out, _ = run("verify", model_path)
        assert status == 1
        assert "\nFAILED at pool" in out
        status, out, _ = run("verify", model_path, "--json")
        facts = json.loads(out)
        assert status == 1
        assert not facts["ok"]
        assert facts["failed"][0] == "pool"

    def test_bad_picture(self, run: Run, model_path: Path, pictures: list[Path]) -> None:
        status, out, err = run("verify", model_path, pictures[0], "none.png")
        assert (status, out) == (2, "")
        assert err == "lcnn: error: none.png: No such file or directory\n"

    def test_pictures_for_a_model_without_preprocessing(self, run: Run, pictures: list[Path], tmp_path: Path) -> None:
        write_model(without(valid_graph(), "preprocessing"), valid_tensors(), tmp_path / "bare")
        status, _, err = run("verify", tmp_path / "bare", pictures[0])
        assert status == 2
        assert err.startswith("lcnn: error: ")


class TestProfile:
    def test_table(self, run: Run, model_path: Path, pictures: list[Path]) -> None:
        for image in ([], pictures[:1]):
            status, out, err = run("profile", model_path, *image, "--runs", 3, "--threads", 1)
            assert (status, err) == (0, "")
            lines = out.splitlines()
            assert lines[0].startswith("small-classifier: ")
            assert lines[1].split()[:3] == ["step", "operation", "kernel"]
            assert lines[-1].startswith("total")

    def test_json(self, run: Run, model_path: Path) -> None:
        status, out, _ = run("profile", model_path, "--runs", 2, "--json")
        assert status == 0
        steps = json.loads(out)["steps"]
        assert {step["name"] for step in steps} >= {"conv1", "fc8"}
        assert all(step["seconds"] > 0 for step in steps)

    def test_dense_twin(self, run: Run, model_path: Path) -> None:
        status, out, _ = run("profile", model_path, "--runs", 2, "--json", "--threads", 1)
        facts = json.loads(out)
        assert status == 0
        assert facts["lookup_layers"] == ["conv1", "conv2", "fc6", "fc7"]
        assert facts["dense_seconds"] == pytest.approx(sum(step["seconds"] for step in facts["dense"]))
        assert facts["ratio"] == pytest.approx(facts["dense_seconds"] / facts["seconds"])
        status, out, _ = run("profile", model_path, "--runs", 2, "--json", "--no-dense")
        assert (status, json.loads(out)["dense"], json.loads(out)["ratio"]) == (0, None, None)

    def test_a_dense_network_has_no_twin(self, run: Run, tmp_path: Path) -> None:
        conv = Conv2D(name="conv", inputs=("image",), filters=4, kernel_size=(3, 3))
        write_model(*with_tensors(chain([conv], (8, 8, 3))), tmp_path / "dense")
        status, out, err = run("profile", tmp_path / "dense", "--runs", 2)
        assert (status, err) == (0, "")
        assert "dense us" not in out

    def test_files(self, run: Run, model_path: Path, tmp_path: Path) -> None:
        trace, plot = tmp_path / "trace.json", tmp_path / "plot.png"
        status, _, err = run("profile", model_path, "--runs", 2, "--trace", trace, "--plot", plot)
        assert (status, err) == (0, "")
        assert json.loads(trace.read_text())["traceEvents"]
        with Image.open(plot) as image:
            assert image.format == "PNG"

    def test_files_that_cannot_be(self, run: Run, model_path: Path, tmp_path: Path) -> None:
        (tmp_path / "folder.png").mkdir()
        for option, path, reason in (
            ("--plot", tmp_path / "plot.gif", "expected a picture to draw to end in .png or .svg"),
            ("--plot", tmp_path / "folder.png", "Is a directory"),
            ("--plot", tmp_path / "none" / "plot.png", "No such file or directory"),
            ("--trace", tmp_path, "Is a directory"),
            ("--trace", "/dev/null", "expected a file or nothing there, found a device, pipe or socket"),
        ):
            result = run("profile", model_path, "--runs", 1, option, path)
            assert result == (2, "", f"lcnn: error: {path}: {reason}\n")
        assert [path.name for path in tmp_path.rglob("*")] == ["folder.png"]


class TestBench:
    def test_report(self, run: Run, model_path: Path, pictures: list[Path]) -> None:
        for image, named in (([], "seeded noise"), (pictures[:1], str(pictures[0]))):
            arguments = ["bench", model_path, *image, "--threads", 1, "--warmup", 0, "--runs", 5]
            status, out, err = run(*arguments)
            assert (status, err) == (0, "")
            head, *rows = out.splitlines()
            assert head.startswith(f"small-classifier on {named}: {kernel_info()['isa']}, ")
            assert head.endswith(", 1 thread")
            assert [row.split()[0] for row in rows[:-1]] == [
                "load",
                "first",
                "median",
                "p90",
                "p99",
                "best",
                "images/s",
            ]

    def test_json(self, run: Run, model_path: Path) -> None:
        arguments = ["bench", model_path, "--batch", 3, "--warmup", 2, "--runs", 20, "--threads", 2, "--json"]
        status, out, _ = run(*arguments)
        facts = json.loads(out)
        assert status == 0
        assert (facts["batch"], facts["warmup"], facts["runs"], facts["threads"]) == (3, 2, 20, 2)
        assert (facts["isa"], facts["blas_core"]) == (kernel_info()["isa"], kernel_info()["blas_core"])
        seconds = facts["seconds"]
        assert 0 < seconds["best"] <= seconds["median"] <= seconds["p90"] <= seconds["p99"]
        assert facts["images_per_second"] == pytest.approx(3 / seconds["median"])

    def test_progress_only_on_a_terminal(
        self, run: Run, model_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr("lcnn_engine.cli.bench.NOTE_EVERY", 0)
        assert run("bench", model_path, "--runs", 3)[2] == ""
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        assert "timing: 2 of 3" in run("bench", model_path, "--runs", 3)[2]

    @pytest.mark.parametrize("option", ["--threads", "--batch", "--runs"])
    def test_nothing_to_do(self, run: Run, model_path: Path, option: str) -> None:
        status, out, err = run("bench", model_path, option, 0)
        assert (status, out) == (2, "")
        assert "expected an integer of at least 1, got '0'" in err

    def test_picture_for_a_model_without_preprocessing(self, run: Run, pictures: list[Path], tmp_path: Path) -> None:
        write_model(without(valid_graph(), "preprocessing"), valid_tensors(), tmp_path / "bare")
        status, out, err = run("bench", tmp_path / "bare", pictures[0])
        assert (status, out) == (2, "")
        assert err.startswith("lcnn: error: ")


class TestBadInput:
    @pytest.mark.parametrize("command", ["predict", "info", "verify", "profile", "bench"])
    def test_models_that_are_none(self, run: Run, command: str, tmp_path: Path, pictures: list[Path]) -> None:
        invalid = valid_graph()
        node(invalid, "conv")["filters"] = 0
        sources = {
            "none": None,
            "text": b"This is no model.",
            "cut": make_golden.PATH.read_bytes()[:-1],
            "invalid": unchecked_file(invalid, valid_tensors()),
        }
        for name, data in sources.items():
            path = tmp_path / name
            if data is not None:
                path.write_bytes(data)
            status, out, err = run(command, path, *(pictures[:1] if command == "predict" else []))
            assert (status, out) == (2, ""), name
            assert err.startswith(f"lcnn: error: {path}: ")
            assert err.count("\n") == 1

    def test_directory_as_a_model(self, run: Run, tmp_path: Path) -> None:
        status, _, err = run("info", tmp_path)
        assert (status, err) == (2, f"lcnn: error: {tmp_path}: expected a model file, found a directory\n")

    @pytest.mark.parametrize(
        "arguments",
        [
            (), ("predict",), ("predict", "model"), ("verify",), ("paint",), ("predict", "m", "i", "--top", "0"),
            ("predict", "m", "i", "--top", "1.5"), ("predict", "m", "i", "--threads", "none"), ("info", "a", "b"),
            ("verify", "m", "--threads", "-1"), ("info", "--colour"),
        ],
    )  # fmt: skip
    def test_usage(self, run: Run, arguments: tuple[str, ...]) -> None:
        status, out, err = run(*arguments)
        assert (status, out) == (2, "")
        assert "usage: lcnn" in err

    def test_more_threads_than_there_can_be(self, run: Run, model_path: Path, pictures: list[Path]) -> None:
        for command in (
            ("predict", model_path, pictures[0]),
            *((name, model_path) for name in ("verify", "profile", "bench")),
        ):
            status, _, err = run(*command, "--threads", 1000)
            assert status == 2
            assert "from 1 to 256" in err

    @pytest.mark.parametrize("command", ["info", "info MODEL", "predict MODEL PICTURE", "verify MODEL", "bench MODEL"])
    def test_unknown_isa(self, command: str, model_path: Path, pictures: list[Path]) -> None:
        command = command.replace("MODEL", f"'{model_path}'").replace("PICTURE", f"'{pictures[0]}'")
        result = in_shell(f"lcnn {command}", LCNN_ISA="neon9")
        if "info '" in command:  # reads the model alone
            assert result.returncode == 0
        else:
            assert result.returncode == 2
            assert result.stderr.startswith("lcnn: error: ")
            assert result.stderr.count("\n") == 1
            assert "neon9" in result.stderr

    def test_memory_that_is_not_there(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise MemoryError

        monkeypatch.setattr("lcnn_engine.cli.info.read_model", fail)
        assert run("info", "model") == (2, "", "lcnn: error: out of memory\n")

    def test_interrupted(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("lcnn_engine.cli.info.read_model", interrupt)
        assert run("info", "model") == (130, "", "")


class TestTerminal:
    def test_help_and_version(self, run: Run) -> None:
        status, out, _ = run("--help")
        assert status == 0
        assert all(command in out for command in ("predict", "info", "verify", "profile", "bench"))
        assert run("--version") == (0, f"lcnn {__version__}\n", "")

    def test_reader_that_leaves(self, model_path: Path, pictures: list[Path]) -> None:
        many = f"'{pictures[0]}' " * 300
        result = in_shell(f"lcnn predict '{model_path}' {many} | head -n 1")
        assert result.returncode == 0
        assert result.stderr == ""
        assert result.stdout.count("\n") == 1

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk to write to")
    def test_full_disk(self) -> None:
        result = in_shell("lcnn info > /dev/full")
        assert result.returncode == 2
        assert result.stderr == "lcnn: error: No space left on device\n"

    def test_closed_output(self, model_path: Path) -> None:
        result = in_shell(f"lcnn info '{model_path}' >&-")
        assert result.returncode in (0, 2)
        assert "Traceback" not in result.stderr

    def test_terminal_of_plain_ascii(self, model_path: Path) -> None:
        result = in_shell(f"lcnn info '{make_golden.PATH}'", PYTHONIOENCODING="ascii", LC_ALL="C")
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith("every operation \\u2713: ")

    def test_name_that_is_no_utf_8(self, model_path: Path, tmp_path: Path) -> None:
        result = in_shell(f"lcnn predict '{model_path}' $'\\xff.png'")
        assert result.returncode == 2
        assert result.stderr.startswith("lcnn: error: ")
        assert result.stderr.count("\n") == 1

    def test_commands_load_what_they_use(self) -> None:
        code = """
            import sys
            import lcnn_engine.cli
            lcnn_engine.cli.main(["info"])
            loaded = [name for name in ("PIL", "lcnn_engine.cli.verify", "safetensors") if name in sys.modules]
            sys.exit(loaded or 0)
        """
        result = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert (result.returncode, result.stderr) == (0, "")


def test_a_pruned_network_has_no_dictionary_to_multiply(run: Run, tmp_path: Path) -> None:
    conv = LookupConv2D(name="conv", inputs=("image",), filters=4, kernel_size=(3, 3))
    graph, tensors = with_tensors(chain([conv], (8, 8, 3)), {"conv": None}, density=0.5)
    write_model(graph, tensors, tmp_path / "pruned")
    cost = json.loads(run("info", tmp_path / "pruned", "--json")[1])["nodes"][0]
    assert cost["atoms"] == 3
    assert cost["multiplications"] == cost["of_lookups"] == 36 * len(tensors["conv/indices"])
