"""What writes files and folders in the engine, to be killed at it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lcnn_engine import read_model, write_model
from lcnn_engine.embed import embed
from tests.fuzz.kills import Victim
from tests.helpers.model_files import valid_graph, valid_tensors
from tests.helpers.networks import small_classifier


class ModelFile(Victim):
    """Two models over one another."""

    longest = 0.03

    def work(self, folder: Path, begin: Callable[[], object], turns: int) -> None:
        graphs = [valid_graph() | {"name": name} for name in ("one", "two")]
        for turn in range(turns):
            write_model(graphs[turn % 2], valid_tensors(), folder / "model.safetensors")
            if turn == 0:
                begin()

    def check(self, folder: Path) -> None:
        assert read_model(folder / "model.safetensors")[0].name in ("one", "two")


class EmbeddedFolder(Victim):
    """Plans for one instruction set, and for all, over one another: a folder of other files each time."""

    longest = 0.3
    sets = (["scalar"], None)  # one, and all that there are

    def __init__(self) -> None:
        self._model = small_classifier()
        self._whole: list[dict[str, bytes]] = []

    def work(self, folder: Path, begin: Callable[[], object], turns: int) -> None:
        for turn in range(turns):
            embed(*self._model, folder / "net", name="net", isa=self.sets[turn % 2])
            if turn == 0:
                begin()

    def check(self, folder: Path) -> None:
        if not self._whole:
            for number, isa in enumerate(self.sets):
                place = folder.with_name(f"{folder.name}-whole-{number}")
                embed(*self._model, place, name="net", isa=isa)
                self._whole.append(_contents(place))
        assert _contents(folder / "net") in self._whole


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
