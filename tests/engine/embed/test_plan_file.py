"""Files of plans as bytes: the header, what is refused, and that equal models give equal files."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import struct
from pathlib import Path

import pytest

from lcnn_engine import ModelFormatError, SettingError
from lcnn_engine.embed import write_plan
from lcnn_engine.embed.contract import contract
from lcnn_engine.embed.folder import CSRC
from lcnn_engine.embed.plan_file import FILTER_CODES, FORMAT, MAGIC, plan_bytes
from lcnn_engine.embed.plans import plans_for
from lcnn_engine.kernels import variants
from lcnn_engine.model.graph import MAX_BYTES, POLICIES, Preprocessing, Resize
from tests.helpers.networks import small_classifier

BUILT = [name for name, _ in variants()]


def test_the_header_is_as_the_page_says(tmp_path: Path) -> None:
    write_plan(*small_classifier(), tmp_path / "net.lcnn")
    data = (tmp_path / "net.lcnn").read_bytes()
    magic, format_, size, number, digest, offset, count = struct.unpack_from("<8sQQQ32sQQ", data)
    assert (magic, format_, size, number) == (MAGIC, FORMAT, len(data), contract())
    assert digest == hashlib.sha256(data[64:]).digest()
    assert offset % 4096 == 0
    assert offset + count + 4096 == len(data)
    assert data[offset + count :] == bytes(4096)


def test_all_plans_are_there_fastest_first(tmp_path: Path) -> None:
    data = plan_bytes(small_classifier()[0], plans_for(*small_classifier(), None, "float32", MAX_BYTES))
    places = [data.index(struct.pack("<q", len(name)) + name.encode() + b"\0") for name in BUILT]
    assert places == sorted(places)


def test_equal_models_give_equal_files(tmp_path: Path) -> None:
    graph, tensors = small_classifier()
    write_plan(graph, tensors, tmp_path / "one")
    write_plan(graph, dict(sorted(tensors.items(), reverse=True)), tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_codes_are_those_of_c() -> None:
    header = (CSRC / "images/prepare.h").read_text()
    for name, enum in (("lcnn_resample", ["LCNN_NO_RESIZE", *FILTER_CODES]), ("lcnn_policy", POLICIES)):
        found = re.search(rf"typedef enum \{{([^}}]*)\}} {name};", header)
        assert found
        words = re.findall(r"LCNN_\w+", found[1])
        assert words == [word if word.startswith("LCNN_") else f"LCNN_{word.upper()}" for word in enum]
    assert list(FILTER_CODES.values()) == list(range(1, len(FILTER_CODES) + 1))
    assert f"#define LCNN_PLAN_FORMAT {FORMAT}\n" in (CSRC / "library/plan_file.h").read_text()


def test_pictures_too_large_for_the_library_are_refused(tmp_path: Path) -> None:
    graph, tensors = small_classifier()
    channels = graph.input.shape[2]
    resize = Resize("shortest_edge", 2**20 + 1, "bilinear")
    mode = {1: "L", 3: "RGB"}[channels]
    rule = Preprocessing(mode, (0.0,) * channels, (1.0,) * channels, 1.0, resize, "center")
    with pytest.raises(SettingError, match="at most 1048576 pixels"):
        write_plan(dataclasses.replace(graph, preprocessing=rule), tensors, tmp_path / "net.lcnn")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"isa": ["mmx"]}, SettingError),
        ({"isa": []}, SettingError),
        ({"precision": "float64"}, SettingError),
        ({"max_bytes": 100}, ModelFormatError),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_written(tmp_path: Path, options: dict, error: type[Exception]) -> None:
    with pytest.raises(error, match="expected"):
        write_plan(*small_classifier(), tmp_path / "net.lcnn", **options)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_replaced_as_a_whole(tmp_path: Path) -> None:
    place = tmp_path / "net.lcnn"
    place.write_bytes(b"before")
    write_plan(*small_classifier(), place, isa=["scalar"])
    assert place.read_bytes().startswith(MAGIC)
    assert list(tmp_path.iterdir()) == [place]
