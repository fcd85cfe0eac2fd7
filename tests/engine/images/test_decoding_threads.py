"""Images are read by many threads at once, and by a child forked at any moment."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lcnn_engine.images.decoding import open_image
from tests.helpers.image_files import GREY, ORIENTATION, RGB, RNG, encoded, pixels
from tests.helpers.running import ROOT

FIRST_USE_BY_MANY_THREADS = """
import sys, threading
from lcnn_engine.images.decoding import open_image
start, errors = threading.Barrier(8), []
def read():
    start.wait()
    try:
        open_image(sys.argv[1], "L")
    except Exception as error:
        errors.append(repr(error))
threads = [threading.Thread(target=read) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
sys.exit("; ".join(errors) or 0)
"""


def test_many_threads_may_open_the_first_image(tmp_path: Path) -> None:
    """Pillow loads the plugins for rarer formats on first need, when it must not tell a thread "unknown format"."""
    path = tmp_path / "digit.tif"
    Image.fromarray(GREY).save(path)
    subprocess.run([sys.executable, "-c", FIRST_USE_BY_MANY_THREADS, path], check=True, timeout=600, cwd=tmp_path)


def test_many_threads_may_share_an_image_not_read_yet() -> None:
    big = RNG.integers(0, 256, (400, 400), dtype=np.uint8)
    image = Image.open(io.BytesIO(encoded(Image.fromarray(big))))
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(pixels(image, "L"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(np.array_equal(one, big) for one in found)


class Slow(Image.Image):
    """An image that is read only when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.im, self._mode, self._size = Image.new("L", (4, 4)).im, "L", (4, 4)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def load(self) -> Any:
        self.begun.set()
        assert self.go_on.wait(120)
        return super().load()


def test_two_images_are_read_side_by_side() -> None:
    slow, other = Slow(), Image.open(io.BytesIO(encoded(Image.fromarray(GREY))))
    reader = threading.Thread(target=open_image, args=(slow, "L"))
    reader.start()
    try:
        assert slow.begun.wait(120)
        for image in (other, encoded(Image.fromarray(GREY)), GREY):
            np.testing.assert_array_equal(pixels(image, "L"), GREY)
    finally:
        slow.go_on.set()
        reader.join()


FORKS = """
import os, signal, sys, threading
import numpy as np
from lcnn_engine import Net
net = Net.load(sys.argv[1], threads=int(sys.argv[3]))
path, forks, stop = sys.argv[2], int(sys.argv[4]), []
with open(path, "rb") as file:
    data = file.read()
def predict(image):
    while not stop:
        net.predict(image)
threads = [threading.Thread(target=predict, args=(image,)) for image in (data, path, data)]
[thread.start() for thread in threads]
ends = []
for fork in range(forks):
    child = os.fork()
    if not child:
        signal.alarm(120)  # what hangs ends
        found = [net.predict(image) for image in (data, path)]
        os._exit(0 if np.array_equal(*found) and np.isfinite(found[0]).all() else 1)
    ends.append(os.waitpid(child, 0)[1])
    if ends[-1]:
        break
stop.append(1)
[thread.join() for thread in threads]
sys.exit(f"child {len(ends) - 1} ended with {ends[-1]}" if ends[-1] else 0)
"""

FORK_DURING_AN_IMPORT = """
import os, signal, sys, threading, time
from lcnn_engine import Net
reached, register = threading.Event(), os.register_at_fork
def reach(name):
    if name == sys.argv[3] and not reached.is_set():
        reached.set()
        time.sleep(0.3)  # meanwhile the fork begins
class Finder:
    def find_spec(name, path=None, target=None):
        reach(name)
def register_at_fork(**functions):
    register(**functions)
    if "logging" in sys.modules:
        reach("half of logging")
os.register_at_fork = register_at_fork
net = Net.load(sys.argv[1], threads=1)
sys.meta_path.insert(0, Finder)
thread = threading.Thread(target=net.predict, args=(sys.argv[2],))
thread.start()
signal.alarm(120)
if not reached.wait(60):
    sys.exit("not imported")
child = os.fork()
signal.alarm(120)
net.predict(sys.argv[2])
if not child:
    os._exit(0)
thread.join()
sys.exit(os.waitpid(child, 0)[1])
"""


def program_ends_well(program: str, *arguments: object) -> None:
    """Run a program that ends with 0 and has nothing to say."""
    command = [sys.executable, "-W", "ignore", "-c", program, *map(str, arguments)]
    found = subprocess.run(command, cwd=ROOT, timeout=600, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")


@pytest.fixture
def image_path(tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    path.write_bytes(encoded(Image.fromarray(RNG.integers(0, 256, (60, 50, 3), dtype=np.uint8))))
    return path


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize(("threads", "forks"), [(1, 200), (2, 60)])
def test_a_child_forked_while_others_read_images_predicts(
    model_path: Path, image_path: Path, threads: int, forks: int
) -> None:
    program_ends_well(FORKS, model_path, image_path, threads, forks)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize(
    "module", ["PIL", "logging", "half of logging", "PIL._imaging", "PIL.TiffImagePlugin", "PIL.PpmImagePlugin"]
)
def test_a_child_forked_while_pillow_is_imported_predicts(model_path: Path, image_path: Path, module: str) -> None:
    program_ends_well(FORK_DURING_AN_IMPORT, model_path, image_path, module)


MODULES_OF_READING = """
import sys
from lcnn_engine.images.decoding import open_image
import numpy as np
open_image(np.zeros((2, 2), np.uint8), "L")
before = set(sys.modules)
for path in sys.argv[1:]:
    open_image(path, "L"), open_image(path, "RGB").resize((3, 3)).crop((0, 0, 2, 2))
sys.exit(", ".join(set(sys.modules) - before) or 0)
"""


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM", "MPO"])
def test_nothing_is_imported_once_pillow_is_there(tmp_path: Path, format: str) -> None:
    """A fork does not wait for what reading a file imports."""
    Image.init()
    if format not in Image.SAVE:
        pytest.skip(f"this Pillow does not write {format}")
    tags = Image.Exif()
    tags[ORIENTATION] = 6
    options: dict[str, Any] = {} if format in ("GIF", "BMP", "PPM") else {"exif": tags}
    colours, grey = tmp_path / "colours", tmp_path / "grey"
    colours.write_bytes(encoded(Image.fromarray(RGB), format, **options))
    grey.write_bytes(encoded(Image.fromarray(GREY), format, **options))
    program_ends_well(MODULES_OF_READING, colours, grey)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_reads_an_image_that_another_thread_was_reading() -> None:
    slow = Slow()
    reader = threading.Thread(target=open_image, args=(slow, "L"))
    reader.start()
    assert slow.begun.wait(120)
    child = os.fork()
    if not child:
        slow.go_on.set()
        signal.alarm(120)  # what hangs ends
        os._exit(0 if open_image(slow, "L").size == (4, 4) else 1)
    slow.go_on.set()
    reader.join()
    assert os.waitpid(child, 0)[1] == 0
