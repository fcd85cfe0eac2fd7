"""The texts of the folder: what the header says, and that templates are filled in as a whole."""

from __future__ import annotations

import dataclasses
import re

import pytest

from lcnn_engine.embed.constants import ConstantFile
from lcnn_engine.embed.plans import plans_for
from lcnn_engine.embed.sources import FILTERS, sources_of
from lcnn_engine.model.graph import MAX_BYTES, Preprocessing, Resize
from lcnn_engine.model.preprocessing import INTERPOLATIONS, RESAMPLES
from tests.helpers.networks import small_classifier


def texts(preprocessing: Preprocessing | None = None) -> dict[str, str]:
    graph, tensors = small_classifier()
    graph = dataclasses.replace(graph, preprocessing=preprocessing)
    plans = plans_for(graph, tensors, None, "float32", MAX_BYTES)
    constants = ConstantFile()
    return sources_of(graph, "net", plans, [constants.add(plan.constants) for plan in plans], constants.size)


def test_templates_are_filled_in_as_a_whole() -> None:
    for path, text in texts().items():
        assert not re.search(r"@\{?\w", text), path


def test_the_header_says_the_sizes() -> None:
    graph, _ = small_classifier()
    header = texts()["net.h"]
    for name, number in zip(("HEIGHT", "WIDTH", "CHANNELS"), graph.input.shape, strict=True):
        assert f"#define NET_{name} {number}\n" in header
    assert f"#define NET_LABELS {len(graph.labels or ())}\n" in header


def test_without_preprocessing_nothing_prepares() -> None:
    assert "net_prepare" not in "".join(texts(None).values())
    graph, _ = small_classifier()
    channels = graph.input.shape[2]
    mode = {1: "L", 3: "RGB"}[channels]
    rule = Preprocessing(mode, (0.0,) * channels, (1.0,) * channels, 1.0, Resize("exact", graph.input.shape[:2], "box"))
    prepared = texts(rule)
    for path in ("net.h", "net.c", "example.c"):
        assert "net_prepare(" in prepared[path], path


@pytest.mark.parametrize(
    ("resample", "antialias"), [*((n, True) for n in RESAMPLES), *((n, False) for n in INTERPOLATIONS)]
)
def test_every_filter_has_a_name_in_c(resample: str, antialias: bool) -> None:
    rule = Resize("exact", (3, 3), resample, antialias)
    name = FILTERS[resample, rule.is_rounded]
    assert ("PILLOW" in name) == rule.is_rounded
