"""Many pictures on the cores of a cluster: Ray Data, and on each core an actor that holds the network.

What is sent is names, or a row group of a Parquet file by its number; an actor reads, decodes and computes, and what
comes back is rows. A part whose actor was lost is done again by the one that takes its place: its rows come once, when
it is whole. A picture that is there each time that a process is lost has an error for its row.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import InputError, LcnnError, MissingPackageError, SettingError
from ..runtime.threads import default_threads
from .classifying import Classifier, Row
from .pictures import Source
from .ray_address import check_answers
from .tables import Picture, RowGroup

__all__ = ["answered_on_ray"]

MOST_IN_PART = 128  # pictures: a part takes Ray 20 ms, and is done again where its actor is lost
TRIES = 2  # of a picture, after that by which its part was lost first
MANY_PARTS = 2**14  # which Ray still hands out without delay
PARTS_EACH = 8  # for an actor at least, so that all end at about the same time

Part = list[Picture] | RowGroup


def answered_on_ray(
    classifier: Classifier, sources: Iterable[Source], workers: int | None, address: str | None
) -> Generator[list[Row], None, None]:
    """Give the rows of pictures as they come, from ``workers`` actors (None: one for each core of the cluster).

    ``address`` is that of a cluster as ``ray.init`` takes it; without one, and without RAY_ADDRESS, Ray is started here
    for as long as this takes, on the loopback interface. A Ray that this process is connected to already is used as it
    is. Raises MissingPackageError without the package ray, SettingError for an address where there is no cluster, and
    LcnnError where Ray gives up.
    """
    ray = _imported()
    sources = list(sources)
    if not sources:
        return
    with _connected(ray, workers, address):
        actors = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        dataset = _dataset(ray, classifier, _parts(sources, actors), actors)
        try:
            for batch in dataset.iter_batches(batch_size=None, prefetch_batches=0):
                yield [json.loads(row) for row in batch["row"]]
        except ray.exceptions.RayError as error:
            said = str(error).partition("\n")[0]
            raise LcnnError(f"expected Ray to go on, got {type(error).__name__}: {said}; --resume goes on") from error


def _dataset(ray: Any, classifier: Classifier, parts: Sequence[Part], actors: int) -> Any:
    """Make the dataset whose rows are those of the parts: a block for each, so that they come as each is done."""
    tries = ray.remote(_Tries).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
    numbered = [{"number": number, "part": pickle.dumps(part)} for number, part in enumerate(parts)]
    return ray.data.from_items(numbered, override_num_blocks=len(parts)).map_batches(
        _Actor,
        batch_size=None,
        fn_constructor_args=(ray.put(classifier), tries, str(Path.cwd())),
        compute=ray.data.ActorPoolStrategy(size=min(actors, len(parts))),
        num_cpus=1,
    )


class _Tries:
    """An actor that counts what was begun and not ended, for Ray begins what was lost again without end."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[int, ...]] = Counter()

    def begin(self, *key: int) -> int:
        """Count a beginning of a part or a picture; give how many of them have no end."""
        self._counts[key] += 1
        return self._counts[key]

    def end(self, *key: int) -> None:
        """Count an end."""
        self._counts[key] -= 1


class _Actor:
    """What runs on a core of the cluster: a network of one thread, loaded once."""

    def __init__(self, classifier: Any, tries: Any, folder: str) -> None:
        """Take references to the classifier and the counter, and the folder from which paths are meant."""
        self._ray = _imported()
        self._classifier: Classifier = self._ray.get(classifier)
        self._tries = tries
        with suppress(OSError):  # where that folder is not on this node
            os.chdir(folder)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """Answer the parts of a batch: a row as JSON for every picture."""
        parts = zip(batch["number"], batch["part"], strict=True)
        return {"row": [json.dumps(row) for number, part in parts for row in self._rows(int(number), part)]}

    def _rows(self, number: int, pickled: bytes) -> Iterator[Row]:
        part: Part = pickle.loads(pickled)
        was_lost = self._begun(number) > 1  # with its process: a picture may be what no process survives
        for place, picture in enumerate(part.pictures() if isinstance(part, RowGroup) else part):
            error = picture.error
            if was_lost and self._begun(number, place) > TRIES:
                error = InputError(f"{picture.name}: expected an image, got one that {TRIES} processes were lost with")
            yield self._classifier.row(picture.name, picture.image, error)
            if was_lost:
                self._tries.end.remote(number, place)  # is there before the next picture begins

    def _begun(self, *key: int) -> int:
        return int(self._ray.get(self._tries.begin.remote(*key)))


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
    if address:
        check_answers(address, ray.util.get_node_ip_address)
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    local = {"num_cpus": workers or default_threads(), "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    try:
        ray.init(address or "local", **quiet, **({} if address else local))
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = f"a Ray cluster at {address}" if address else "Ray to start"
        raise SettingError(f"expected {where}, got {type(error).__name__}: {error}") from error
    try:
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # errors are raised, too
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        yield
    finally:
        ray.shutdown()
