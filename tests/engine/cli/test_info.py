"""``lcnn info``: what it says of a model, and of this machine."""

from __future__ import annotations

import json
from pathlib import Path

from lcnn_engine import __version__, kernel_info, write_model
from lcnn_engine.model.graph import LookupConv2D
from tests.golden import make_golden
from tests.helpers.model_files import valid_graph, valid_tensors, without
from tests.helpers.networks import chain, with_tensors
from tests.helpers.running import ROOT, Run


def test_kernels(run: Run) -> None:
    status, out, _ = run("info")
    assert status == 0
    assert f"isa            {kernel_info()['isa']}\n" in out
    assert f"lcnn           {__version__}\n" in out
    status, out, _ = run("info", "--json")
    assert (status, json.loads(out)) == (0, kernel_info())


def test_model(run: Run) -> None:
    status, out, err = run("info", make_golden.PATH)
    assert (status, err) == (0, "")
    assert (
        f"every operation ✓: {len(make_golden.graph()['nodes'])} nodes, {make_golden.PATH.stat().st_size:,} bytes\n"
        in out
    )
    assert "image: 8 x 8 x 3\n" in out
    assert "RGB, resize to 9 x 10 (lanczos), crop center, (x * 0.00392157 - [0.5, 0.25, 0.125]) / [1, 2, 0.5]" in out
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line}
    columns = ["lookup_conv2d", "4", "x", "9", "x", "4", "2", "6", "0.1250", "0.003", "0.001", "0.000", "96"]
    assert rows["lookup"][1:] == columns
    assert rows["flat"] == ["flat", "flatten", "616"]
    assert rows["total"][1] == "10"


def test_json(run: Run) -> None:
    status, out, _ = run("info", make_golden.PATH, "--json")
    facts = json.loads(out)
    assert status == 0
    assert facts["file_bytes"] == make_golden.PATH.stat().st_size
    assert facts["labels"] == make_golden.graph()["labels"]
    assert facts["output"] == {"name": "probabilities", "shape": [2]}
    lookup = facts["nodes"][0]
    assert (lookup["name"], lookup["atoms"], lookup["lookups"], lookup["shape"]) == ("lookup", 2, 6, [4, 9, 4])
    assert lookup["bytes"] == 2 * 6 + 4 * (5 + 6 + 6 + 4)  # its dictionary is stored as fp16
    tensors = make_golden.tensors(make_golden.FLAT)
    assert facts["total"]["bytes"] == sum(tensor.nbytes for tensor in tensors.values())
    for key in ("multiplications", "of_lookups", "dense", "bytes"):
        assert facts["total"][key] == sum(item[key] for item in facts["nodes"])


def test_model_without_labels_and_preprocessing(run: Run, tmp_path: Path) -> None:
    write_model(without(valid_graph(), "labels", "preprocessing"), valid_tensors(), tmp_path / "bare")
    status, out, _ = run("info", tmp_path / "bare")
    assert status == 0
    assert "no labels" in out
    assert "takes arrays only" in out


def test_a_pruned_network_has_no_dictionary_to_multiply(run: Run, tmp_path: Path) -> None:
    conv = LookupConv2D(name="conv", inputs=("image",), filters=4, kernel_size=(3, 3))
    graph, tensors = with_tensors(chain([conv], (8, 8, 3)), {"conv": None}, density=0.5)
    write_model(graph, tensors, tmp_path / "pruned")
    cost = json.loads(run("info", tmp_path / "pruned", "--json")[1])["nodes"][0]
    assert cost["atoms"] == 3
    assert cost["multiplications"] == cost["of_lookups"] == 36 * len(tensors["conv/indices"])


def test_what_is_folded(run: Run) -> None:
    model = ROOT / "weights" / "mnist-alexnet-lcnn-fast.safetensors"
    status, out, _ = run("info", model)
    assert status == 0
    table = out.partition("\nfolded ")[2].splitlines()
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in table if line}
    assert rows["conv1"] == "64 -> 28 1 3 -> 1 139 -> 132 0.576 -> 0.399"
    assert rows["fc7"] == "4,096 -> 1,744 4,096 -> 4,080 275 1,977 1.128 -> 1.124"
    assert rows["total"] == "13.693 -> 9.539"
    folded = json.loads(run("info", model, "--json")[1])["folded"]
    assert [layer["name"] for layer in folded] == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    assert folded[1]["filters"] == [192, 141]
    assert sum(layer["multiplications"][1] for layer in folded) == 9_539_130


def test_nothing_folded_is_not_mentioned(run: Run, tmp_path: Path) -> None:
    conv = LookupConv2D(name="conv", inputs=("image",), filters=4, kernel_size=(3, 3))
    graph, tensors = with_tensors(chain([conv], (8, 8, 3)), density=1.0)
    write_model(graph, tensors, tmp_path / "whole")
    assert "folded" not in run("info", tmp_path / "whole")[1]
    assert json.loads(run("info", tmp_path / "whole", "--json")[1])["folded"] == []
