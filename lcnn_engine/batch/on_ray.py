"""Many pictures on the cores of a cluster: Ray Data, and on each core an actor that holds the network.

What is sent is names, or a row group of a Parquet file by its number; an actor reads, decodes and computes, and what
comes back is rows. A part whose actor was lost is done by another one, and an actor takes the place of the lost one:
its rows come once, when it is whole.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import LcnnError, MissingPackageError, SettingError
from ..runtime.threads import default_threads
from .classifying import Classifier, Row
from .pictures import Source
from .tables import Picture, RowGroup

__all__ = ["answered_on_ray"]

MOST_IN_PART = 32  # pictures: what is done again where an actor is lost
MANY_PARTS = 2**14  # which Ray still hands out without delay
PARTS_EACH = 8  # for an actor at least, so that all end at about the same time

Part = list[Picture] | RowGroup


def answered_on_ray(
    classifier: Classifier, sources: Iterable[Source], workers: int | None, address: str | None
) -> Iterator[list[Row]]:
    """Give the rows of pictures as they come, from ``workers`` actors (None: one for each core of the cluster).

    ``address`` is that of a cluster as ``ray.init`` takes it; without one, and without RAY_ADDRESS, Ray is started here
    for as long as this takes, on the loopback interface. A Ray that this process is connected to already is used as it
    is. Raises MissingPackageError without the package ray, SettingError for an address where there is no cluster, and
    LcnnError where the actors of a part are lost again and again.
    """
    ray = _imported()
    sources = list(sources)
    if not sources:
        return
    with _connected(ray, workers, address):
        actors = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        parts = _parts(sources, actors)
        dataset = ray.data.from_items(
            [{"part": pickle.dumps(part)} for part in parts], override_num_blocks=len(parts)
        ).map_batches(
            _Actor,
            batch_size=None,
            fn_constructor_args=(ray.put(classifier), str(Path.cwd())),
            compute=ray.data.ActorPoolStrategy(size=min(actors, len(parts))),
            num_cpus=1,
        )
        try:
            for batch in dataset.iter_batches(batch_size=None, prefetch_batches=0):
                yield [json.loads(row) for row in batch["row"]]
        except ray.exceptions.RayError as error:
            raise LcnnError(f"expected actors that stay, or come back, got {error}; --resume goes on") from error


class _Actor:
    """What runs on a core of the cluster: a network of one thread, loaded once."""

    def __init__(self, classifier: Any, folder: str) -> None:
        """Take a reference to the classifier, and the folder from which paths are meant, where it is here."""
        self._classifier: Classifier = _imported().get(classifier)
        with suppress(OSError):
            os.chdir(folder)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """Answer the parts of a batch: a row as JSON for every picture."""
        return {"row": [json.dumps(row) for part in batch["part"] for row in self._rows(pickle.loads(part))]}

    def _rows(self, part: Part) -> Iterator[Row]:
        for picture in part.pictures() if isinstance(part, RowGroup) else part:
            yield self._classifier.row(picture.name, picture.image, picture.error)


def _parts(sources: Sequence[Source], actors: int) -> list[Part]:
    """Share pictures out: some of them, or a row group."""
    pictures = [source for source in sources if isinstance(source, Picture)]
    groups: list[Part] = [source for source in sources if isinstance(source, RowGroup)]
    size = min(MOST_IN_PART, len(pictures) // (PARTS_EACH * actors))
    size = max(1, size, len(pictures) // MANY_PARTS)
    return groups + [pictures[start : start + size] for start in range(0, len(pictures), size)]


def _imported() -> Any:
    """Import Ray Data, which would report its use to its makers. Raises MissingPackageError where it is missing."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        ray = import_module("ray")
        import_module("ray.data")
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f'expected Ray with Ray Data for the engine ray, found no {error.name}; install it: pip install "lcnn[ray]"'
        ) from error
    return ray


@contextmanager
def _connected(ray: Any, workers: int | None, address: str | None) -> Iterator[None]:
    """Be connected to a cluster: to that of this process, to the one named, or to one that is begun and ended here."""
    if ray.is_initialized():
        yield
        return
    address = address or os.environ.get("RAY_ADDRESS")
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    local = {"num_cpus": workers or default_threads(), "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    try:
        ray.init(address or "local", **quiet, **({} if address else local))
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = f"a Ray cluster at {address}" if address else "Ray to start"
        raise SettingError(f"expected {where}, got {type(error).__name__}: {error}") from error
    try:
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        yield
    finally:
        ray.shutdown()
