"""Augmentations: each alone moves what it should, in its range, as often as it should, by its seed alone."""

import math

import numpy as np
import pytest
from PIL import Image

from lcnn_engine.images.preprocessing import to_pixels
from lcnn_train.config.data import Preprocessing
from lcnn_train.config.experiment import parse_config
from lcnn_train.data import augment
from tests.helpers.training import DATA

GREY = Preprocessing().for_engine()
WIDE = Preprocessing(mode="RGB", shortest_edge=256, mean=[128.0] * 3, std=[1.0] * 3, scale=1.0)


def settings(*steps):
    return parse_config({"name": "a", "augment": list(steps)}, "here").augment


def drawn(step, image, count=200, preprocessing=GREY):
    """`count` images that one step of a configuration makes of `image` under as many seeds."""
    change = augment.change_of(settings(step, {"name": "resize"})[0], preprocessing, image.shape)
    before = image.copy()
    found = [change(image, rng) for rng in augment.generators(5, range(count))]
    np.testing.assert_array_equal(image, before)  # it may be the cache's
    return found


@pytest.fixture(scope="module")
def photo():
    """A real photograph, 240x160."""
    return np.asarray(Image.open(DATA / "pictures" / "cat.jpg").convert("RGB").resize((240, 160)))


def spot(y, x, height=33, width=33):
    """An image with a soft spot of 3x3 at (y, x)."""
    image = np.zeros((height, width, 1), np.uint8)
    image[y - 1 : y + 2, x - 1 : x + 2] = 200
    return image


def middle(image):
    """Where the spot is: y and x."""
    weights = image[..., 0].astype(float)
    return np.array([(weights * grid).sum() for grid in np.mgrid[: image.shape[0], : image.shape[1]]]) / weights.sum()


EVERY = (
    {"name": "random_resize"},
    {"name": "rotate_crop"},
    {"name": "affine", "rotate": 20.0, "scale": [0.8, 1.2], "shift": 0.1},
    {"name": "salt_and_pepper", "share": 0.1},
    {"name": "brightness_contrast"},
    {"name": "flip"},
    {"name": "one_of", "choices": [{"name": "salt_and_pepper"}, {"name": "brightness_contrast"}]},
)


@pytest.mark.parametrize("step", EVERY, ids=lambda step: step["name"])
def test_the_seed_alone_decides(step, photo):
    changes_size = step["name"] in ("random_resize", "rotate_crop")
    chain = settings(step, {"name": "resize"}) if changes_size else settings(step)
    assert augment.begins_unresized(chain) == changes_size
    shape = (64, 64, 3)
    preprocessing = Preprocessing(mode="RGB", size=[64, 64], mean=[0.0] * 3, std=[1.0] * 3).for_engine()
    change = augment.augmentation(chain, preprocessing, shape)
    image = photo if changes_size else photo[:64, :64]
    first, again, *others = (change(image, rng) for rng in augment.generators(1, (4, 4, *range(5, 20))))
    assert first.dtype == np.uint8
    assert first.shape == shape
    np.testing.assert_array_equal(first, again)
    assert not all(np.array_equal(first, other) for other in others)


def test_draws_of_a_place_do_not_depend_on_those_before():
    """Whatever was drawn, and however little of it was used."""

    def draws(rng):
        return rng.integers(5), rng.random(3).tolist(), rng.integers(2**20, dtype=np.uint32)

    places = [7, 0, 2**40, 3]
    found = {place: draws(rng) for place, rng in zip(places, augment.generators(2, places), strict=True)}
    alone = {place: draws(next(augment.generators(2, [place]))) for place in sorted(places)}
    assert found == alone
    assert len({str(drawn) for drawn in alone.values()}) == 4
    assert draws(next(augment.generators(3, [7]))) != found[7]
    firsts = np.array([rng.random() for rng in augment.generators(1, range(20_000))])
    assert abs(firsts.mean() - 0.5) < 0.01
    assert abs(np.corrcoef(firsts[1:], firsts[:-1])[0, 1]) < 0.03


@pytest.mark.parametrize("step", EVERY, ids=lambda step: step["name"])
def test_probability(step, photo):
    small = photo[:40, :60]
    never = drawn({**step, "probability": 0.0}, small, 3)
    assert all(np.array_equal(image, small) for image in never)
    changed = [not np.array_equal(image, small) for image in drawn({**step, "probability": 0.3}, small)]
    assert 0.2 < np.mean(changed) < 0.4


def test_random_resize_keeps_to_its_range_and_stretch(photo):
    shapes = np.array([image.shape for image in drawn({"name": "random_resize", "factor": [0.8, 1.2]}, photo)])
    factors = shapes[:, :2] / photo.shape[:2]
    for axis in (0, 1):
        assert 0.795 <= factors[:, axis].min() < 0.85
        assert 1.15 < factors[:, axis].max() <= 1.205
    assert 1.1 < (factors[:, 1] / factors[:, 0]).max() <= 1.16
    even = drawn({"name": "random_resize", "stretch": 0.0}, photo, 50)
    assert all(abs(image.shape[1] / image.shape[0] - 1.5) < 0.01 for image in even)


def test_sizes_change_as_in_prediction(photo):
    """The resize step is the engine's own, and the middle is cut where the engine cuts it."""
    for preprocessing in (WIDE, Preprocessing(mode="RGB", mean=[0.0] * 3, std=[1.0] * 3, size=[40, 30])):
        shape = preprocessing.input_shape
        change = augment.augmentation(settings({"name": "resize"}), preprocessing.for_engine(), shape)
        for image in (photo, photo.transpose(1, 0, 2).copy(), photo[:101, :77]):
            found = change(image, next(augment.generators(1, [2])))
            np.testing.assert_array_equal(found, to_pixels(image, preprocessing.for_engine(), shape))


@pytest.mark.parametrize(("height", "width"), [(100, 100), (100, 140), (140, 100), (20, 200)])
@pytest.mark.parametrize("degrees", [0, 1, 10, 15, 30, 45, 60, 89, 90])
def test_inscribed_rectangle_lies_inside_and_cannot_grow(height, width, degrees):
    angle = math.radians(degrees)
    h, w = augment.inscribed(height, width, angle)

    def fits(h, w):
        """Whether all corners, turned back, lie in the photo."""
        x, y = w / 2 * math.cos(angle) + h / 2 * math.sin(angle), w / 2 * math.sin(angle) + h / 2 * math.cos(angle)
        return x <= width / 2 + 0.01 and y <= height / 2 + 0.01

    assert fits(h, w)
    others = [(h + dh, w + dw) for dh in np.linspace(-h + 1, 40, 60) for dw in np.linspace(-w + 1, 40, 60)]
    assert not any(fits(*other) and other[0] * other[1] > h * w * 1.01 + 1 for other in others)


def test_rotate_crop_leaves_no_border_and_turns_both_ways():
    white = np.full((60, 90, 1), 255, np.uint8)
    found = drawn({"name": "rotate_crop", "degrees": 15.0}, white)
    assert all((image >= 254).all() for image in found)  # interpolated values are cut off, not rounded
    assert all(image.shape[0] <= 60 and image.shape[1] <= 90 for image in found)
    smallest = augment.inscribed(60, 90, math.radians(15))
    assert min(image.shape[0] for image in found) == pytest.approx(smallest[0], abs=1.5)
    # A spot right of the middle goes up or down, and keeps its distance from the middle.
    moved = []
    for image in drawn({"name": "rotate_crop"}, spot(30, 58, 61, 91)):
        moved.append(middle(image) - (np.array(image.shape[:2]) - 1) / 2)
    angles = np.degrees(np.arctan2(*np.array(moved).T))
    np.testing.assert_allclose(np.hypot(*np.array(moved).T), 13, atol=0.8)
    assert -16.5 < angles.min() < -12
    assert 12 < angles.max() < 16.5


def test_affine_rotation_keeps_the_distance_and_stays_within_its_angle():
    moved = np.array([middle(image) for image in drawn({"name": "affine", "rotate": 30.0}, spot(16, 26))]) - 16
    np.testing.assert_allclose(np.hypot(*moved.T), 10, atol=0.15)
    angles = np.degrees(np.arctan2(moved[:, 0], moved[:, 1]))
    assert np.abs(angles).max() <= 31
    assert angles.min() < -20
    assert angles.max() > 20


def test_affine_scale_moves_along_the_ray():
    moved = np.array([middle(image) for image in drawn({"name": "affine", "scale": [0.75, 1.5]}, spot(16, 24))]) - 16
    np.testing.assert_allclose(moved[:, 0], 0, atol=0.1)
    assert 0.75 * 8 - 0.2 <= moved[:, 1].min() < 0.85 * 8
    assert 1.4 * 8 < moved[:, 1].max() <= 1.5 * 8 + 0.2


def test_affine_shift_is_in_all_directions_and_a_share_of_the_side():
    moved = np.array([middle(image) for image in drawn({"name": "affine", "shift": 0.2}, spot(16, 16))]) - 16
    for axis in (0, 1):
        assert -6.7 <= moved[:, axis].min() < -5
        assert 5 < moved[:, axis].max() <= 6.7
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.25


def test_salt_and_pepper_is_its_share_in_equal_parts():
    image = np.full((40, 40, 3), 100, np.uint8)
    changed = np.array(drawn({"name": "salt_and_pepper", "share": 0.1}, image, 100))
    assert set(np.unique(changed)) == {0, 100, 255}
    assert (changed == changed[..., :1]).all()
    assert (changed == 0).mean() == pytest.approx(0.05, abs=0.003)
    assert (changed == 255).mean() == pytest.approx(0.05, abs=0.003)


def test_brightness_and_contrast_each_in_its_range():
    image = np.full((20, 20, 1), 100, np.uint8)
    image[:, 10:] = 120
    off = [1.0, 1.0]
    bright = np.array(drawn({"name": "brightness_contrast", "brightness": [0.5, 1.5], "contrast": off}, image))
    assert 50 <= bright[:, 0, 0].min() < 60
    assert 140 < bright[:, 0, 0].max() <= 150
    np.testing.assert_allclose(bright[:, 0, 15], bright[:, 0, 0] * 1.2, atol=1.2)
    contrast = np.array(drawn({"name": "brightness_contrast", "brightness": off, "contrast": [0.5, 2.0]}, image))
    half = contrast[:, 0, 15, 0].astype(int) - 110
    assert 5 <= half.min() < 7
    assert 18 < half.max() <= 20
    np.testing.assert_allclose(contrast[:, 0, 0, 0], 110 - half, atol=1)
    # Values that leave the range stop at its ends, and do not wrap around.
    clipped = drawn({"name": "brightness_contrast", "brightness": [3.0, 3.0], "contrast": off}, image, 1)[0]
    assert (clipped == 255).all()


def test_flip_exchanges_left_and_right(photo):
    for image in drawn({"name": "flip"}, photo, 20):
        assert np.array_equal(image, photo) or np.array_equal(image, photo[:, ::-1])


def test_one_of_makes_one_change_each_as_likely():
    image = np.full((30, 30, 1), 100, np.uint8)
    choices = [
        {"name": "salt_and_pepper", "share": 0.2},
        {"name": "brightness_contrast", "brightness": [1.5, 1.5], "contrast": [1.0, 1.0]},
    ]
    found = drawn({"name": "one_of", "choices": choices}, image)
    noisy = [set(np.unique(image)) == {0, 100, 255} for image in found]
    brighter = [(image == 150).all() for image in found]
    assert all(a != b for a, b in zip(noisy, brighter, strict=True))
    assert 0.4 < np.mean(noisy) < 0.6


def test_random_resize_is_by_the_filter_of_the_preprocessing_and_gives_8_bits(photo):
    found = {}
    for resample, antialias in (("bilinear", True), ("bilinear", False), ("area", True)):
        preprocessing = Preprocessing(resample=resample, antialias=antialias).for_engine()
        images = drawn({"name": "random_resize", "factor": [0.4, 0.4]}, photo, 1, preprocessing)
        assert images[0].dtype == np.uint8
        found[resample, antialias] = images[0].tobytes()
    assert len(set(found.values())) == 3


def test_changes_of_8_bits_come_before_a_resize_to_floats():
    preprocessing = {"antialias": False}
    for step in ({"name": "affine"}, EVERY[3], {"name": "one_of", "choices": [{"name": "flip"}]}):
        for steps in ([step], [{"name": "resize"}, step]):
            if step["name"] == "salt_and_pepper":
                parse_config({"name": "a", "augment": steps, "preprocessing": preprocessing}, "here")
                continue
            with pytest.raises(ValueError, match=rf"{step['name']} changes images of 8 bits.* expected a step resize"):
                parse_config({"name": "a", "augment": steps, "preprocessing": preprocessing}, "here")
        parse_config({"name": "a", "augment": [step, {"name": "resize"}], "preprocessing": preprocessing}, "here")


def test_random_crop_takes_every_place():
    grid = np.dstack([*np.mgrid[:12, :10], np.zeros((12, 10))]).astype(np.uint8)
    chain = [{"name": "resize"}, {"name": "random_crop"}]
    preprocessing = Preprocessing(mode="RGB", size=[8, 8], shortest_edge=10, mean=[0.0] * 3, std=[1.0] * 3)
    change = augment.augmentation(settings(*chain), preprocessing.for_engine(), (8, 8, 3))
    found = [change(grid, rng) for rng in augment.generators(3, range(200))]
    corners = {tuple(image[0, 0, :2]) for image in found}
    assert corners == {(y, x) for y in range(5) for x in range(3)}
    assert all((image[1:, :, 0] - image[:-1, :, 0] == 1).all() for image in found)


def test_the_whole_of_both_lists(photo):
    """MNIST's and ImageNet's augmentations as the configurations have them, from real images to the input."""
    imagenet = settings(
        {"name": "random_resize", "factor": [0.9, 1.2], "probability": 0.7},
        {"name": "rotate_crop", "probability": 0.7},
        {"name": "one_of", "choices": list(EVERY[3:5]), "probability": 0.7},
        {"name": "flip"},
        {"name": "resize"},
        {"name": "random_crop"},
    )
    change = augment.augmentation(imagenet, WIDE.for_engine(), (224, 224, 3))
    found = [change(photo, rng) for rng in augment.generators(1, range(8))]
    assert len({image.tobytes() for image in found}) == 8
    mean = photo.mean()
    assert all(0.6 * mean < image.mean() < 1.4 * mean for image in found)


WRONG = {
    "flp": r"augment.0.name: unknown flp; did you mean flip\? Known here: random_resize, rotate_crop, affine",
    "random_crop": "expected resize before random_crop; found none",
    "rotate_crop": "rotate_crop changes an image's size: expected resize after it; found none",
}


@pytest.mark.parametrize("name", WRONG)
def test_lists_that_cannot_be(name):
    with pytest.raises(ValueError, match=WRONG[name]):
        settings({"name": name})


def test_mistakes_within_a_step():
    for steps, message in (
        ([{"name": "flip", "prob": 1.0}], r"unknown key augment.0.prob; did you mean probability\?"),
        ([{"probability": 1.0}], "augment.0: expected a name"),
        ([{"name": "one_of", "choices": [{"name": "resize"}]}], "augment.0.choices.0.name: unknown resize"),
        ([{"name": "one_of", "choices": [{"name": "flip", "x": 1}]}], "unknown key augment.0.choices.0.x"),
        ([{"name": "affine", "scale": [1.2, 0.8]}], r"scale of affine must be \[min, max\]"),
        ([{"name": "resize"}, {"name": "resize"}], "expected resize once; found 2 times"),
        ([{"name": "resize"}, {"name": "random_resize"}], "random_resize changes an image's size"),
    ):
        with pytest.raises(ValueError, match=message):
            settings(*steps)
