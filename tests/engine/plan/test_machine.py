"""The numbers of the machine: each is read, and none hides elsewhere."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import lcnn_engine.plan
from lcnn_engine.plan.machine import LookupCosts, Machine

SOURCES = {
    path: path.read_text() for path in Path(lcnn_engine.plan.__file__).parent.rglob("*.py") if path.stem != "machine"
}


def test_every_number_is_read_by_the_plan() -> None:
    text = "\n".join(SOURCES.values())
    for record, name in ((Machine, "machine"), (LookupCosts, "costs")):
        for field in fields(record):
            assert re.search(rf"\b{name}\.{field.name}\b", text), f"{record.__name__}.{field.name} is read nowhere"


def test_no_file_of_the_plan_has_constants_of_its_own() -> None:
    """But for limits and sizes that are no property of a machine."""
    constants = {
        match
        for text in SOURCES.values()
        for match in re.findall(r"^([A-Z][A-Z_]+)(?:: \w+)? = \d", text, re.MULTILINE)
    }
    assert constants <= {
        "MAX_CALLS",
        "MAX_CHANNELS",
        "MAX_SWEEPS",
        "WORD",
        "CONV_PIXELS",
        "MOST_TOGETHER",
        "LARGEST",
        "MAX_WEIGHTS",
    }


def test_sizes_are_positive() -> None:
    machine = Machine()
    for record in (machine, machine.costs):
        for field in fields(record):
            value = getattr(record, field.name)
            assert value is machine.costs or all(
                number > 0 for number in (value if isinstance(value, tuple) else [value])
            )
