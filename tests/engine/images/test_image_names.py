"""From words to image files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from lcnn_engine.images.decoding import FORMATS, open_image
from lcnn_engine.images.image_names import MAX_LINE, image_names


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files in folders, and a working directory."""
    for name in ("b/2.PNG", "b/1.jpg", "b/c/3.webp", "b/.hidden.png", "b/.git/4.png", "b/notes.txt", "a.png", "[x].png",
                 "empty/notes.txt"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["a.png", "none.png"], ["a.png", "none.png"]),  # whoever opens it will say that there is none
        (["b"], ["b/1.jpg", "b/2.PNG", "b/c/3.webp"]),
        (["./b/c"], ["./b/c/3.webp"]),
        (["b/*.jpg", "a.png"], ["b/1.jpg", "a.png"]),
        (["b/[12].*"], ["b/1.jpg", "b/2.PNG"]),
        (["**/*.webp"], ["b/c/3.webp"]),
        (["?"], ["b/1.jpg", "b/2.PNG", "b/c/3.webp"]),  # a pattern that a folder matches
        (["b/c/**"], ["b/c/3.webp"]),
        (["[x].png"], ["[x].png"]),  # a file of that very name
    ],
)
def test_files_folders_and_patterns(tree: Path, words: Sequence[str], names: Sequence[str]) -> None:
    assert list(image_names(words)) == [(name, None) for name in names]


@pytest.mark.parametrize("word", ["empty", "*.gif"])
def test_what_means_no_image_is_an_error_among_the_others(tree: Path, word: str) -> None:
    before, (name, error), after = image_names(["a.png", word, "a.png"])
    assert before == after == ("a.png", None)
    assert name == word
    assert str(error).startswith(f"{word}: expected")


def test_files_of_every_format_are_found_and_read(tmp_path: Path) -> None:
    """Whatever Pillow writes under a name that a folder's images may have is an image."""
    Image.init()
    known = {ending: name for name, endings in FORMATS.items() for ending in endings}
    written = [ending for ending in known if Image.EXTENSION.get(ending) in Image.SAVE]
    for ending in written:
        Image.new("L", (16, 16)).save(tmp_path / f"image{ending.upper()}")
    names = [name for name, _ in image_names([str(tmp_path)])]
    assert len(names) == len(written) > 10
    for name in names:
        assert open_image(name, "RGB").size == (16, 16)
    endings_of_pillow = {ending for ending, name in Image.EXTENSION.items() if name in (*FORMATS, "MPO")}
    rare = {".dib", ".pfm", ".j2c", ".avifs"}  # without a header, floats, none of ours, sequences
    assert endings_of_pillow - rare <= known.keys()


def test_a_folder_that_links_to_itself(tree: Path) -> None:
    (tree / "b/c/round").symlink_to(tree / "b")
    assert len(list(image_names(["b"]))) == 3


def test_lines_of_the_standard_input(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [b"a.p", b"ng\n\nb/1.jpg\n\xff", b".png", b""]
    monkeypatch.setattr(os, "read", lambda *_: pieces.pop(0))
    assert [name for name, _ in image_names(["-"])] == ["a.png", "b/1.jpg", os.fsdecode(b"\xff.png")]


def test_lines_as_windows_ends_them(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [b"a.png\r", b"\n\r\nb/1.jpg\r\nc\rd.png\r", b""]
    monkeypatch.setattr(os, "read", lambda *_: pieces.pop(0))
    assert [name for name, _ in image_names(["-"])] == ["a.png", "b/1.jpg", "c\rd.png"]


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


@pytest.mark.parametrize(
    "piece", [bytes(MAX_LINE), b"x" * (MAX_LINE + 1), PNG, b"\xff\xd8\xff\xe0\0", b"a.png\0b.png\0"]
)
def test_a_standard_input_that_is_no_list_of_paths(tree: Path, monkeypatch: pytest.MonkeyPatch, piece: bytes) -> None:
    pieces = [piece, b""]
    monkeypatch.setattr(os, "read", lambda *_: pieces.pop(0))
    *_, (name, error) = image_names(["-"])
    assert name == "-"
    assert "one path a line" in str(error)
    assert "/dev/stdin" in str(error)
