"""Damaged plan files, opened and run by the C library under the address sanitizer: what opens stays in its memory.

A file's digest is left out: damage is what a stranger may write on purpose. Every kernel takes part.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lcnn_engine.embed import write_library, write_plan
from lcnn_engine.embed.plans import plans_for
from lcnn_engine.kernels import LAYOUTS, capabilities, usable_variants
from lcnn_engine.model.graph import MAX_BYTES
from tests.helpers.embedded import CC, run
from tests.helpers.networks import small_classifier
from tests.helpers.plan_library import NETWORKS, objects_of

ISA = list(dict.fromkeys([usable_variants()[0], "scalar"]))
PRECISIONS = ("float32", "bfloat16", "int8")
COUNT = int(os.environ.get("LCNN_DAMAGED_PLANS", "200"))  # of each network, precision and instruction set
SANITIZE = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
KERNELS = ["-O0", "-fsanitize=address"]  # they take minutes to compile with more

pytestmark = pytest.mark.skipif(shutil.which(CC[0]) is None, reason="needs a C compiler")


@pytest.fixture(autouse=True)
def _lookups_stay_lookups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers of these sizes would be computed as the dense ones that they stand for."""
    monkeypatch.setattr("lcnn_engine.plan.choices", lambda *_: [])


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damaged") / "lib"
    write_library(folder)
    objects = objects_of(folder, ISA, SANITIZE, kernel_flags=KERNELS)
    source = Path(__file__).parents[2] / "helpers/damaged_plans.c"
    run([*CC, *SANITIZE, "-Wall", "-Wextra", "-Isrc", source, *objects, "-lm", "-o", "damaged_plans"], folder)
    return folder / "damaged_plans"


@pytest.mark.parametrize("isa", ISA)
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("network", NETWORKS, ids=lambda make: make.__name__)
def test_what_opens_stays_in_its_memory(program: Path, tmp_path: Path, network, precision: str, isa: str) -> None:
    made = network(precision)
    write_plan(made.graph(), made.tensors, tmp_path / "net.lcnn", isa=[isa], precision=precision)
    seed = 1 + PRECISIONS.index(precision) + 10 * NETWORKS.index(network)
    refused, opened, ran = map(int, run([program, "net.lcnn", isa, seed, COUNT], tmp_path).split())
    assert refused + opened == COUNT + 1
    assert refused > COUNT / 8
    assert ran > 1


def test_pictures_of_damaged_rules(program: Path, tmp_path: Path) -> None:
    write_plan(*small_classifier(), tmp_path / "net.lcnn", isa=["scalar"])
    refused, opened, _ = map(int, run([program, "net.lcnn", "scalar", 99, COUNT], tmp_path).split())
    assert refused + opened == COUNT + 1


@pytest.mark.parametrize("isa", ISA)
def test_every_kernel_takes_part(isa: str) -> None:
    used = set()
    for network in NETWORKS:
        for precision in PRECISIONS:
            made = network(precision)
            (plan,) = plans_for(made.graph(), made.tensors, [isa], precision, MAX_BYTES)
            used |= {call.kernel for call in plan.calls}
    able = capabilities(isa)
    missing = {name for name in LAYOUTS if ("bf16" in name or name == "pack_pairs") and not able.bf16}
    missing |= {name for name in LAYOUTS if ("int8" in name or name in ("ranges", "pack_quads")) and not able.int8}
    assert used == set(LAYOUTS) - missing - {"dictionary"}
