"""Rules of preprocessing: each broken alone, in a file and in what write_model is given; and what is legal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.model_files import GraphObject
from tests.helpers.refusals import Edit, Refusals, assert_refused, drop, edited, top

KEYS = "expected keys among"


def preprocessing(**values: object) -> Edit:
    return lambda graph: graph["preprocessing"].update(values)


def resize(**values: object) -> Edit:
    return lambda graph: graph["preprocessing"]["resize"].update(values)


def exact(size: object, crop: bool = True) -> Edit:
    """Resize to just that size, with or without a crop."""

    def edit(graph: GraphObject) -> None:
        graph["preprocessing"]["resize"] = {"policy": "exact", "size": size, "resample": "box"}
        if not crop:
            del graph["preprocessing"]["crop"]

    return edit


def no_crop(graph: GraphObject) -> None:
    del graph["preprocessing"]["crop"]


REFUSALS: Refusals = {
    "preprocessing that is no object": (top(preprocessing=[]), ("preprocessing: expected an object, found []",)),
    "unknown key of the preprocessing": (preprocessing(gamma=2), ("preprocessing: ", KEYS, "found 'gamma'")),
    "preprocessing without mode": (drop("preprocessing", "mode"), ("preprocessing: expected the key 'mode'",)),
    "preprocessing without mean": (drop("preprocessing", "mean"), ("preprocessing: expected the key 'mean'",)),
    "preprocessing without std": (drop("preprocessing", "std"), ("preprocessing: expected the key 'std'",)),
    "unknown mode": (preprocessing(mode="CMYK"), ("preprocessing: expected mode to be one of L, RGB, found 'CMYK'",)),
    "mode that is an object": (preprocessing(mode={"L": 1}), ("preprocessing: expected mode to be one of L, RGB",)),
    "crop that is an object": (preprocessing(crop={}), ("preprocessing: expected crop to be 'center' or absent",)),
    "policy that is an object": (resize(policy={}), ("preprocessing: resize: expected policy to be one of",)),
    "filter that is an object": (resize(resample={}), ("preprocessing: resize: expected resample to be one of",)),
    "mode with other channels": (
        preprocessing(mode="L"), ("preprocessing: expected a mode with the 3 channels", "'L'")),
    "mean for other channels": (preprocessing(mean=[0]), ("preprocessing: expected mean to be 3", "found (0.0,)")),
    "mean that is one number": (preprocessing(mean=0.5), ("preprocessing: expected mean to be 3", "found 0.5")),
    "mean that is no number": (preprocessing(mean=[0, "0", 0]), ("preprocessing: expected mean to be 3",)),
    "mean beyond float32": (preprocessing(mean=[0, 0, 1e39]), ("preprocessing: expected mean to be 3 finite",)),
    "std for other channels": (preprocessing(std=[1, 1]), ("preprocessing: expected std to be 3",)),
    "std 0": (preprocessing(std=[1, 0, 1]), ("preprocessing: expected std to be other than 0, found (1.0, 0.0, 1.0)",)),
    "std that float32 rounds to 0": (preprocessing(std=[1, 1e-46, 1]), ("preprocessing: expected std to be other",)),
    "std as a boolean": (preprocessing(std=[1, True, 1]), ("preprocessing: expected std to be 3",)),
    "scale that is no number": (preprocessing(scale=[1]), ("preprocessing: expected scale to be a finite number",)),
    "unknown crop": (
        preprocessing(crop="top"), ("preprocessing: expected crop to be 'center' or absent, found 'top'",)),
    "resize that is no object": (preprocessing(resize=8), ("preprocessing: resize: expected an object, found 8",)),
    "unknown key of the resize": (resize(fill=0), ("preprocessing: resize: ", KEYS, "found 'fill'")),
    "resize without policy": (drop("preprocessing", "resize", "policy"), ("preprocessing: resize: ", "key 'policy'")),
    "resize without size": (drop("preprocessing", "resize", "size"), ("preprocessing: resize: ", "key 'size'")),
    "resize without resample": (drop("preprocessing", "resize", "resample"), ("resize: ", "key 'resample'")),
    "unknown policy": (resize(policy="fit"), ("preprocessing: resize: expected policy to be one of", "found 'fit'")),
    "unknown filter": (resize(resample="mitchell"), ("resize: expected resample to be one of", "found 'mitchell'")),
    "antialias that is a number": (resize(antialias=0), ("resize: expected antialias to be true, false", "0")),
    "a filter that always antialiases": (
        resize(antialias=False, resample="box"), ("expected resample without antialias to be one of", "found 'box'")),
    "one number for an aspect ratio": (
        resize(policy="crop_to_aspect_ratio"), ("expected size of crop_to_aspect_ratio to be 2 integers", "found 8")),
    "shortest edge of two numbers": (resize(size=[8, 8]), ("resize: expected size of shortest_edge", "found (8, 8)")),
    "shortest edge 0": (resize(size=0), ("resize: expected size of shortest_edge", "from 1", "found 0")),
    "shortest edge as a float": (resize(size=8.0), ("resize: expected size of shortest_edge", "found 8.0")),
    "exact size of one number": (
        resize(policy="exact"), ("resize: expected size of exact to be 2 integers", "found 8")),
    "exact size 0": (exact([8, 0]), ("resize: expected size of exact to be 2 integers from 1", "found (8, 0)")),
    "shortest edge below the crop": (
        resize(size=5), ("resize by shortest_edge: ", "no smaller than the crop, (6, 6), found 5")),
    "exact height below the crop": (exact([5, 9]), ("resize by exact: ", "no smaller than the crop", "found (5, 9)")),
    "exact width below the crop": (exact([9, 5]), ("resize by exact: ", "no smaller than the crop", "found (9, 5)")),
    "exact size other than the input's": (exact([6, 7], crop=False), ("resize by exact: ", "(6, 6)", "found (6, 7)")),
    "shortest edge without crop, not the input's": (no_crop, ("resize by shortest_edge: ", "size 6", "found 8")),
    "resized image of too many values": (exact([2**16, 2**16]), ("resize by exact: ", "at most 2147483647 values")),
}  # fmt: skip


@pytest.mark.parametrize("rule", REFUSALS)
def test_refused_in_a_file_and_by_the_writer(rule: str, tmp_path: Path) -> None:
    assert_refused(*REFUSALS[rule], tmp_path)


def test_without_labels_and_preprocessing() -> None:
    graph = edited(drop("labels"), drop("preprocessing"))
    assert graph.labels is None
    assert graph.preprocessing is None


def test_preprocessing_without_resize_and_crop_takes_images_of_the_inputs_size() -> None:
    prep = edited(drop("preprocessing", "resize"), no_crop, drop("preprocessing", "scale")).preprocessing
    assert prep is not None
    assert (prep.resize, prep.crop, prep.scale) == (None, None, 1.0)


@pytest.mark.parametrize(
    "edit",
    [
        resize(resample="area"),
        resize(resample="area", antialias=False),
        resize(antialias=False),
        resize(resample="triangle"),
        resize(policy="crop_to_aspect_ratio", size=[8, 9]),
    ],
)
def test_filters_that_do_not_round(edit: Edit) -> None:
    prep = edited(edit).preprocessing
    assert prep is not None
    assert prep.resize is not None
    assert prep.is_rounded == (prep.resize.policy == "crop_to_aspect_ratio")
    assert edited().preprocessing.is_rounded  # type: ignore[union-attr]


@pytest.mark.parametrize("edit", [resize(size=6), exact([6, 6]), exact([7, 6]), exact([6, 6], crop=False)])
def test_a_resized_image_may_just_fit(edit: Edit) -> None:
    edited(edit)


def test_shortest_edge_without_crop_is_for_images_of_the_inputs_proportions() -> None:
    edited(resize(size=6), no_crop)


def test_integers_where_floats_are_due() -> None:
    prep = edited(preprocessing(mean=[0, 1, 2], scale=2)).preprocessing
    assert prep is not None
    assert [type(x) for x in (*prep.mean, prep.scale)] == [float] * 4
