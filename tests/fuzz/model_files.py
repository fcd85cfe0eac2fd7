"""Model files, damaged and changed: refused, or run in every variant and precision, with the same bits in every way."""

from __future__ import annotations

import pickle
import random
import zlib
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from lcnn_engine import Net, estimate
from lcnn_engine.errors import ModelFormatError
from lcnn_engine.format.model_file import read_halves, with_floats
from lcnn_engine.kernels import usable_variants
from lcnn_engine.model.graph import Graph
from lcnn_engine.plan import Plan
from lcnn_engine.runtime.precision import PRECISIONS
from tests.fuzz import models
from tests.fuzz.kind import Kind, Outcome, refused
from tests.fuzz.meter import FoundError, Meter, while_loading
from tests.helpers.damage import damaged_bytes

MAX_BYTES = 20_000_000  # of activations
MAX_MULTIPLICATIONS = 20_000_000
IMAGES, THREADS = 2, 2
WAYS = list(product(usable_variants(), PRECISIONS))
SELDOM = 16  # one of so many is tried by everything else that a program may call

Tensors = Mapping[str, np.ndarray]


class ModelFiles(Kind):
    """Half of what is made is likely to load: sizes changed, tensors made to fit."""

    name = "model_files"

    def __init__(self, kept: Sequence[bytes] = ()) -> None:
        super().__init__(kept)
        self._whole = models.whole_files()

    def make(self, rng: random.Random) -> bytes:
        data = rng.choice(self.kept) if self.kept and rng.random() < 0.4 else rng.choice(self._whole)
        action = rng.choices(range(5), [1, 1, 2, 2, 4])[0]
        parts = models.parts_of(data)
        if action == 0 or parts is None:
            return damaged_bytes(data, rng)
        change = (
            models.with_damaged_header,
            models.with_odd_numbers,
            models.with_damaged_graph,
            models.with_other_sizes,
        )
        return change[action - 1](parts, rng)

    def judge(self, data: bytes, meter: Meter) -> Outcome:
        limits = {"max_bytes": MAX_BYTES, "max_multiplications": MAX_MULTIPLICATIONS}
        try:
            with meter.memory(while_loading(data), "loading"):
                graph, tensors = read_halves(data, **limits)
        except ModelFormatError as error:
            return refused(error)
        check = zlib.crc32(data)
        images = np.random.default_rng(check).standard_normal((IMAGES, *graph.input.shape)).astype(np.float32)
        kernels: set[str] = set()
        for variant, precision in WAYS:
            try:
                with meter.memory(while_loading(data) + THREADS * MAX_BYTES, f"{variant}, {precision}"):
                    kernels |= _run(graph, tensors, images, variant, precision)
            except ModelFormatError as error:  # for the memory of a plan, or its steps
                return refused(error)
        if check % SELDOM == 0:
            with meter.memory(2 * while_loading(data) + 4 * MAX_BYTES, "everything else"):
                _everything_else(data, limits, images[0])
        return Outcome(True, " ".join(sorted(kernels)), len(WAYS))


def _run(graph: Graph, tensors: Tensors, images: np.ndarray, variant: str, precision: str) -> set[str]:
    """Run a plan on images alone and together, on one thread and more, behind one that leaves infinities everywhere."""
    plan = Plan(graph, tensors, variant=variant, precision=precision, max_bytes=MAX_BYTES)
    huge = np.full_like(images, 3e38)
    huge.reshape(-1)[::3] *= -1
    _results(plan, huge, THREADS)
    together = _results(plan, images, 1)
    for number in range(len(images)):
        alone = _results(plan, images[number : number + 1], 1)
        _same(alone, together[number : number + 1], f"{variant}, {precision}: image {number} alone and in a batch")
    _same(_results(plan, images, THREADS), together, f"{variant}, {precision}: on {THREADS} threads and on one")
    _same(_results(plan, images[:1], THREADS), together[:1], f"{variant}, {precision}: one image on {THREADS} threads")
    return {call.kernel for call in plan.calls}


def _results(plan: Plan, images: np.ndarray, threads: int) -> np.ndarray:
    results = np.full((len(images), *plan.output_shapes[0]), np.nan, np.float32)
    if not plan.run(np.ascontiguousarray(images), [results], threads):
        raise FoundError(f"{plan.variant}, {plan.precision}: expected finite images to be taken for such")
    return results


def _same(found: np.ndarray, expected: np.ndarray, where: str) -> None:
    if not np.array_equal(found.view(np.uint32), expected.view(np.uint32)):
        both_nan = np.isnan(found) & np.isnan(expected)
        different = (found.view(np.uint32) != expected.view(np.uint32)) & ~both_nan
        if different.any():
            raise FoundError(f"{where}: {different.sum()} of {different.size} values differ")


def _everything_else(data: bytes, limits: dict[str, int], image: np.ndarray) -> None:
    """What a program may do with a file that loads."""
    net = Net.load(data, threads=1, **limits)  # type: ignore[arg-type]
    result = net.run(image)
    for copied in (pickle.loads(pickle.dumps(net)), Net.load(data, threads=1, precision="fastest", **limits)):  # type: ignore[arg-type]
        copied.run(image)
    _same(pickle.loads(pickle.dumps(net)).run(image), result, "a pickle")
    net.summary()
    try:
        net.features(image, [node.name for node in net.graph.nodes[:20]])
    except ModelFormatError as error:  # what is asked for lives longer
        refused(error)
    estimate(net.graph, with_floats(net.__reduce__()[1][1]), **limits)
    str(Plan(net.graph, net.__reduce__()[1][1], max_bytes=MAX_BYTES))
    if net.graph.preprocessing is not None:
        net.predict(
            np.zeros((9, 11, 3), np.uint8) if net.graph.preprocessing.mode == "RGB" else np.zeros((9, 11), np.uint8)
        )
