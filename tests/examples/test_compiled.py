"""``lcnn embed``, and ``examples/cmake``, ``rust`` and ``go``: programs of other languages.

They are in one file, since two of them take the library that the first makes, which takes a minute to compile.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from lcnn_engine import Net
from tests.helpers.deploy_page import MODEL, Clone, answers, label_of

CARGO = shutil.which("cargo") or shutil.which("cargo", path=str(Path.home() / ".cargo/bin"))

pytestmark = pytest.mark.skipif(shutil.which("cmake") is None, reason="CMake is not installed")


@pytest.fixture(scope="module")
def digits(built: Clone) -> str:
    """What the page's first commands print; the C library lies in ``digits/build`` then."""
    return built.output("./digits/build/digits_example", timeout=1800)


def test_the_written_folder_as_printed(digits: str) -> None:
    assert digits.splitlines()[-3].split()[0] == "0"


def assert_right(printed: str) -> None:
    found = answers(printed)
    assert len(found) == 10
    assert all(label_of(picture) == label for picture, label in found.items())


def bad_pictures(clone: Clone) -> str:
    """Names of files that are no pictures, the last of one that is not there."""
    files = {
        "cut": b"P5\n28 28\n255\n0123",
        "empty": b"",
        "thin": b"P5\n1 0\n255\n",
        "text": b"P5\n-1 99999999999\nx\n",
    }
    for name, content in files.items():
        (clone.folder / f"{name}.bad").write_bytes(content)
    return " ".join(f"{name}.bad" for name in [*files, "none"])


class TestCMake:
    @pytest.fixture(scope="class")
    def printed(self, built: Clone) -> str:
        """What the page's commands print; the programs lie in ``app`` then."""
        return built.output("./app/classify", timeout=1800)

    def test_many_threads_as_printed(self, printed: str) -> None:
        assert_right(printed)

    def test_a_plain_input_gives_the_result_of_the_engine(self, built: Clone, printed: str) -> None:
        net = Net.load(MODEL, threads=1)
        x = np.random.default_rng(0).standard_normal(net.input_shape).astype(np.float32)
        x.tofile(built.folder / "input.raw")
        done = built.run("./app/predict < input.raw")
        assert done.returncode == 0, done.stderr
        found, expected = np.array(done.stdout.split(), np.float32), net.run(x)
        assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()

    def test_bad_inputs_end_with_a_line(self, built: Clone, printed: str) -> None:
        done = built.run("./app/predict < /dev/null")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        done = built.run(f"./app/classify {bad_pictures(built)}")
        assert done.stdout.count("the image is too small, too large") == 5

    def test_a_missing_model_ends_the_configuration(self, clone: Clone) -> None:
        done = clone.run("cmake -S examples/cmake -B app -DMODEL=$PWD/none.safetensors")
        assert done.returncode != 0
        assert "none.safetensors" in done.stderr


@pytest.mark.skipif(not CARGO, reason="Cargo is not installed")
class TestRust:
    @pytest.fixture(scope="class")
    def printed(self, built: Clone, digits: str) -> str:
        """What the page's commands print; the program is there then."""
        return built.output("cargo run", timeout=600)

    def test_as_printed(self, printed: str) -> None:
        assert_right(printed)

    def test_bad_pictures_end_with_a_line_each(self, built: Clone, printed: str) -> None:
        names = bad_pictures(built)
        done = built.run(f"rust/release/classify {names}")
        assert done.returncode == 2
        lines = done.stderr.splitlines()
        assert [line.partition(":")[0] for line in lines] == names.split()
        assert all("expected a PPM or PGM file" in line for line in lines[:-1])


@pytest.mark.skipif(not shutil.which("go"), reason="Go is not installed")
class TestGo:
    @pytest.fixture(scope="class")
    def printed(self, built: Clone, digits: str) -> str:
        """What the page's commands print; the program is there then."""
        return built.output("go build", timeout=600)

    def test_as_printed(self, printed: str) -> None:
        assert_right(printed)

    def test_bad_pictures_end_with_a_line_each(self, built: Clone, printed: str) -> None:
        names = bad_pictures(built)
        done = built.run(f"./classify {names}")
        assert done.returncode == 2
        assert all(name in line for name, line in zip(names.split(), done.stderr.splitlines(), strict=True))
