"""``lcnn verify``: kernels that agree with the reference, and one that does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lcnn_engine import Net, read_model
from lcnn_engine.cli.verify import relative_difference
from lcnn_engine.images.preprocessing import as_batch
from lcnn_engine.kernels import usable_variants
from lcnn_engine.model import reference
from tests.helpers.running import Run


def test_every_variant_agrees(run: Run, model_path: Path) -> None:
    status, out, err = run("verify", model_path, "--all-isa", "--threads", 1)
    assert (status, err) == (0, "")
    head, *rows = out.splitlines()
    assert head.split() == ["node", "operation", "output", "largest", *usable_variants()]
    names = [line.split()[0] for line in rows if line]
    assert names[:3] == ["conv1", "conv2", "sum"]
    assert "output, as predict runs it" in out
    assert rows[-1].startswith("ok: 12 nodes on seeded noise; largest difference ")


def test_on_images(run: Run, model_path: Path, images: list[Path]) -> None:
    status, out, _ = run("verify", model_path, *images)
    assert status == 0
    assert "ok: 12 nodes on 3 images" in out


def test_model_without_preprocessing_on_noise(run: Run, bare_model: Path) -> None:
    assert run("verify", bare_model)[0] == 0


def test_the_whole_way_beside_what_training_made(
    run: Run, model_path: Path, images: list[Path], tmp_path: Path
) -> None:
    """A difference of preparation is said, and is no error."""
    arrays, graph = tmp_path / "inputs.npy", read_model(model_path)[0]
    np.save(arrays, batch := as_batch(images, graph.input.shape, graph.preprocessing)[0])
    status, out, _ = run("verify", model_path, *images, "--inputs", arrays)
    assert status == 0
    assert out.endswith("inputs differ by up to 0, outputs by 0.0e+00 of the largest; 3 of 3 with the same answer\n")
    np.save(arrays, batch[::-1] + 1)
    status, out, _ = run("verify", model_path, *images, "--inputs", arrays, "--json")
    way = json.loads(out)["whole_way"]
    net = Net.load(model_path)
    outputs, other = net.run(batch), net.run(batch[::-1] + 1)
    assert status == 0
    assert way["inputs"] == pytest.approx(np.abs(batch - batch[::-1] - 1).max())
    assert way["outputs"] == pytest.approx(np.abs(outputs - other).max() / np.abs(other).max(), rel=1e-5)
    assert (way["same"], way["count"]) == ((outputs.argmax(1) == other.argmax(1)).sum(), 3)


def test_on_arrays(run: Run, bare_model: Path, tmp_path: Path) -> None:
    net = Net.load(bare_model)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((2, *net.input_shape)))
    status, out, _ = run("verify", bare_model, "--inputs", tmp_path / "x.npy")
    assert status == 0
    assert "nodes on " + str(tmp_path / "x.npy") in out
    np.save(tmp_path / "x.npy", np.zeros((2, 3, 3, 3)))
    status, _, err = run("verify", bare_model, "--inputs", tmp_path / "x.npy")
    assert status == 2
    assert f"x.npy: expected inputs of shape {net.input_shape}, got (3, 3, 3)" in err


def test_json(run: Run, model_path: Path) -> None:
    status, out, _ = run("verify", model_path, "--json", "--all-isa")
    facts = json.loads(out)
    assert (status, facts["ok"], facts["failed"], facts["inputs"]) == (0, True, [], 1)
    assert len(facts["nodes"]) == 13
    for item in facts["nodes"]:
        assert item["difference"].keys() == set(usable_variants())
        assert max(item["difference"].values()) <= facts["tolerance"]


def test_a_wrong_kernel_is_found(run: Run, model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong here: the reference, by two in a hundred thousand, at one node."""
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


def test_bad_image(run: Run, model_path: Path, images: list[Path]) -> None:
    status, out, err = run("verify", model_path, images[0], "none.png")
    assert (status, out) == (2, "")
    assert err == "lcnn: error: none.png: No such file or directory\n"


def test_images_for_a_model_without_preprocessing(run: Run, bare_model: Path, images: list[Path]) -> None:
    status, _, err = run("verify", bare_model, images[0])
    assert status == 2
    assert err.startswith("lcnn: error: ")


@pytest.mark.parametrize(
    ("found", "expected", "difference"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 2.5], [1.0, 2.0], 0.25),
        ([-3.0, 0.0], [-4.0, 0.0], 0.25),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([0.0, 1e-9], [0.0, 0.0], np.inf),
        ([np.nan, 1.0], [0.0, 1.0], np.inf),
        ([0.0, 1.0], [np.nan, 1.0], np.inf),
        ([np.nan, 1.0], [np.nan, 1.0], 0.0),
        ([np.inf, 1.0], [np.inf, 1.5], 0.5 / 1.5),
        ([np.inf, 1.0], [-np.inf, 1.0], np.inf),
    ],
)
def test_relative_difference(found: list[float], expected: list[float], difference: float) -> None:
    arrays = (np.array(values, np.float32) for values in (found, expected))
    assert relative_difference(*arrays) == pytest.approx(difference, rel=1e-6)


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_a_precision_is_verified_against_its_own_definition(precision: str, run: Run, model_path: Path) -> None:
    status, out, err = run("verify", model_path, "--all-isa", "--precision", precision)
    assert (status, err) == (0, "")
    assert f"{precision}: the output is " in out
    facts = json.loads(run("verify", model_path, "--all-isa", "--precision", precision, "--json")[1])
    assert (facts["ok"], facts["precision"]) == (True, precision)
    assert 0 < facts["from_float32"] < 0.1


def test_a_precision_that_the_kernels_lack_is_said_and_float32_verified(
    run: Run, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LCNN_ISA", "scalar")
    status, out, err = run("verify", model_path, "--precision", "bfloat16", "--json")
    facts = json.loads(out)
    assert (status, facts["precision"], facts["from_float32"] <= 1e-5) == (0, "float32", True)
    assert err == "lcnn: no bfloat16 in the kernels scalar: computed in float32\n"
    assert run("verify", model_path, "--precision", "fastest")[2] == ""
