"""``examples/thread_pool.py``."""

from __future__ import annotations

from tests.helpers.deploy_page import DIGITS, Clone, answers, label_of


def test_as_printed(clone: Clone) -> None:
    found = answers(clone.output("examples/thread_pool.py"))
    assert len(found) == len(DIGITS) == 60
    assert sum(label_of(picture) == label for picture, label in found.items()) >= 58


def test_a_bad_picture_is_a_line(clone: Clone) -> None:
    (clone.folder / "bad.png").write_bytes(b"no picture")
    model, digit = "weights/mnist-alexnet-lcnn-fast.safetensors", "tests/data/digits/0000_label0.png"
    done = clone.run(f"python examples/thread_pool.py {model} bad.png none.png {digit}")
    lines = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["bad.png", "none.png", digit], done.stderr
    assert "expected a whole image" in lines[0]
    assert answers(done.stdout) == {digit: "0"}
