"""The schema of a configuration's `data`, `preprocessing` and `augment` sections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from lcnn_engine.model.graph import MODES, RESAMPLES, Resize, Shape
from lcnn_engine.model.graph import Preprocessing as EnginePreprocessing
from lcnn_train.config.names import DATASETS
from lcnn_train.config.schema import Count, Number, Positive, Rate, Section, Share

Range = Annotated[list[Positive], Field(min_length=2, max_length=2)]


class Data(Section):
    """What to train on. `validation` training images are held out to choose the checkpoint by.

    dataset: `mnist` and `fashion-mnist` are IDX files, `cifar10` and `cifar100` batches; `imagenet` and `folder` are
    class folders or TFRecord files.
    test_share: this share of each class of a `folder` without parts is its test part; which images, `test_seed` draws.
    classes: only images of these classes, by their numbers; in this order they become 0, 1, 2 and so on.
    first_label: the number of the first class in TFRecord files (ImageNet's usual ones begin at 1).
    workers: threads that read and change images, None what serves best. cache: MiB of decoded images to keep if all
    fit.
    """

    dataset: Literal[DATASETS] = "mnist"  # type: ignore[valid-type]
    folder: str | None = None
    validation: Count = 800
    test_share: Rate = 0.0
    test_seed: Number = 0
    classes: Annotated[list[Number], Field(min_length=1)] | None = None
    first_label: Number = 1
    workers: Count | None = None
    cache: Number = 512


class Preprocessing(Section):
    """Image to input: resized to `size` (height, width), then (x * scale - mean) / std.

    `resample` and `antialias`: Pillow's filters, or without antialias and by the other names TensorFlow's, as
    MODEL_FORMAT.md of lcnn_engine has them.
    With `shortest_edge` the image keeps its shape: its short edge becomes that, and `size` is cut from the centre.
    """

    mode: Literal["L", "RGB"] = "L"
    size: list[Count] = Field(default=[224, 224], min_length=2, max_length=2)
    shortest_edge: Count | None = None
    resample: Literal[RESAMPLES] = "bilinear"  # type: ignore[valid-type]
    antialias: bool = True
    scale: float = 1 / 255
    mean: list[float] = Field(default=[0.13])
    std: list[Positive] = Field(default=[1.0])

    @property
    def channels(self) -> int:
        return MODES[self.mode]

    @property
    def input_shape(self) -> Shape:
        """(H, W, C) of what comes out."""
        return self.size[0], self.size[1], self.channels

    def for_engine(self) -> EnginePreprocessing:
        """Make what the engine's preprocessing functions take."""
        return EnginePreprocessing(
            mode=self.mode,
            mean=tuple(self.mean),
            std=tuple(self.std),
            scale=self.scale,
            resize=self._resize(),
            crop="center" if self.shortest_edge else None,
        )

    def _resize(self) -> Resize:
        edge, size = self.shortest_edge, (self.size[0], self.size[1])
        return Resize("shortest_edge" if edge else "exact", edge or size, self.resample, self.antialias)

    def for_file(self) -> dict[str, Any]:
        """Say it in the model file's own words."""
        edge = self.shortest_edge
        resize = {"policy": "shortest_edge" if edge else "exact", "size": edge or self.size, "resample": self.resample}
        if not self.antialias:
            resize["antialias"] = False
        crop = {"crop": "center"} if edge else {}
        rest = {"scale": self.scale, "mean": list(self.mean), "std": list(self.std)}
        return {"mode": self.mode, "resize": resize, **crop, **rest}

    @model_validator(mode="after")
    def _fits_together(self) -> Preprocessing:
        for key in ("mean", "std"):
            if len(getattr(self, key)) != self.channels:
                raise ValueError(f"preprocessing.{key} must have one number for each of {self.channels} channel(s)")
        if self.shortest_edge is not None and self.shortest_edge < max(self.size):
            raise ValueError(f"preprocessing.shortest_edge must be at least {max(self.size)}, what is cut out of it")
        self._resize().check()
        return self


# ---------------------------------------------------------------------------------------------------- augmentations


class Augmentation(Section):
    """One random change of a training image, made to it with `probability`; functions of the name: data/augment.py."""

    changes_size: ClassVar[bool] = False
    takes_floats: ClassVar[bool] = False  # also what a resize has not rounded to 8 bits
    name: str
    probability: Share = 1.0

    @model_validator(mode="after")
    def _ranges_ascend(self) -> Augmentation:
        for key, value in self:
            if key in ("factor", "scale", "brightness", "contrast") and value[0] > value[1]:
                raise ValueError(f"augment: {key} of {self.name} must be [min, max]; found {value}")
        return self


class RandomResize(Augmentation):
    """Height and width by factors of a range, which differ from one another by at most a share `stretch`."""

    changes_size = True
    name: Literal["random_resize"]
    factor: Range = Field(default=[0.8, 1.2])
    stretch: Share = 0.15


class RotateCrop(Augmentation):
    """Turned by up to `degrees` to either side, then cut to the largest rectangle that lies in the image."""

    changes_size = True
    name: Literal["rotate_crop"]
    degrees: Annotated[float, Field(ge=0, le=90)] = 15.0


class Affine(Augmentation):
    """Turned by up to `rotate` degrees, scaled, shifted by a share of the side: one transform, black around."""

    name: Literal["affine"]
    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0
    scale: Range = Field(default=[1.0, 1.0])
    shift: Share = 0.0


class SaltAndPepper(Augmentation):
    """A `share` of the pixels turned black or white, in equal parts."""

    takes_floats = True
    name: Literal["salt_and_pepper"]
    share: Share = 0.01


class BrightnessContrast(Augmentation):
    """Brightness by a factor of a range, and contrast, about the mean of each channel, by one of another."""

    name: Literal["brightness_contrast"]
    brightness: Range = Field(default=[0.8, 1.2])
    contrast: Range = Field(default=[0.8, 1.2])


class Flip(Augmentation):
    """Left and right exchanged."""

    takes_floats = True
    name: Literal["flip"]
    probability: Share = 0.5


class PadCrop(Augmentation):
    """A random crop of the image's own size after `pixels` were put around it, black (`constant`) or mirrored."""

    takes_floats = True
    name: Literal["pad_crop"]
    pixels: Count = 4
    mode: Literal["constant", "reflect"] = "constant"


class Cutout(Augmentation):
    """A square of `size` pixels, its middle anywhere in the image, turned black (DeVries and Taylor, 2017)."""

    takes_floats = True
    name: Literal["cutout"]
    size: Count = 8


_OfOneSize = Annotated[
    Affine | SaltAndPepper | BrightnessContrast | Flip | PadCrop | Cutout, Field(discriminator="name")
]


class OneOf(Augmentation):
    """One of `choices`, each as likely."""

    name: Literal["one_of"]
    choices: Annotated[list[_OfOneSize], Field(min_length=1)]


class ResizeStep(Section):
    """Where in the list the image is resized as `preprocessing` says; without it, that comes before the list."""

    name: Literal["resize"]


class RandomCrop(Section):
    """A random part of the size of the input, after `resize`; without it, the centre."""

    name: Literal["random_crop"]


AnyAugmentation = Annotated[
    RandomResize
    | RotateCrop
    | Affine
    | SaltAndPepper
    | BrightnessContrast
    | Flip
    | PadCrop
    | Cutout
    | OneOf
    | ResizeStep
    | RandomCrop,
    Field(discriminator="name"),
]


def check_order(augment: Sequence[Any], rounded: bool = True) -> None:
    """Raise ValueError unless every image that goes through the list comes out with the size of the input.

    rounded: whether resizing gives 8 bits, which is what most changes take.
    """
    names = [step.name for step in augment]
    for name in ("resize", "random_crop"):
        if names.count(name) > 1:
            raise ValueError(f"augment: expected {name} once; found {names.count(name)} times")
    resize = names.index("resize") if "resize" in names else -1
    for position, step in enumerate(augment):
        if getattr(step, "changes_size", False) and position > resize:
            raise ValueError(f"augment: {step.name} changes an image's size: expected resize after it; found none")
        if step.name == "random_crop" and (resize < 0 or position < resize):
            raise ValueError("augment: expected resize before random_crop; found none")
        if not rounded and position > resize and not getattr(step, "takes_floats", True):
            raise ValueError(
                f"augment: {step.name} changes images of 8 bits, and preprocessing resizes to floats: expected a step "
                f"resize after it; found none"
            )
