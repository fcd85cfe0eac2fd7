"""``lcnn embed`` and ``examples/cmake``: programs of C and C++."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from lcnn_engine import Net
from tests.helpers.deploy_page import MODEL, Clone, answers, label_of

pytestmark = pytest.mark.skipif(shutil.which("cmake") is None, reason="CMake is not installed")


def test_the_written_folder_as_printed(digits: tuple[Clone, str]) -> None:
    assert digits[1].splitlines()[-3].split()[0] == "0"


@pytest.fixture(scope="module")
def printed(built: Clone) -> str:
    """What the page's commands print; the programs lie in ``app``."""
    return built.output("./app/classify", timeout=1200)


def test_many_threads_as_printed(printed: str) -> None:
    found = answers(printed)
    assert len(found) == 10
    assert all(label_of(picture) == label for picture, label in found.items())


def test_a_plain_input_gives_the_result_of_the_engine(built: Clone, printed: str) -> None:
    net = Net.load(MODEL, threads=1)
    x = np.random.default_rng(0).standard_normal(net.input_shape).astype(np.float32)
    x.tofile(built.folder / "input.raw")
    done = built.run("./app/predict < input.raw")
    assert done.returncode == 0, done.stderr
    found = np.array(done.stdout.split(), np.float32)
    expected = net.run(x)
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


def test_bad_inputs_end_with_a_line(built: Clone, printed: str) -> None:
    done = built.run("./app/predict < /dev/null")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    (built.folder / "bad.bad").write_bytes(b"P5\n99999 99999\n255\n")
    done = built.run("./app/classify bad.bad none.bad")
    assert done.stdout.count("the image is too small, too large") == 2


def test_a_missing_model_ends_the_configuration(clone: Clone) -> None:
    done = clone.run("cmake -S examples/cmake -B app -DMODEL=$PWD/none.safetensors")
    assert done.returncode != 0
    assert "none.safetensors" in done.stderr
