"""Inputs with faults that are known: by them the search itself is tested."""

from __future__ import annotations

import os
import random
import time

import numpy as np

from tests.fuzz.kind import Kind, Outcome
from tests.fuzz.meter import FoundError, Meter

FAULTS = ("crash", "loop", "raise", "memory", "bomb", "wrong")
FAULT_AT = 7  # every so many inputs


class Planted(Kind):
    """Inputs are words; most of them are harmless."""

    name = "planted"
    seconds = 1.0

    def make(self, rng: random.Random) -> bytes:
        if self.kept:
            return rng.choice(self.kept)
        word = rng.choice(FAULTS) if rng.randrange(FAULT_AT) == 0 else "harmless"
        return f"{word} {rng.randrange(100)}".encode()

    def judge(self, data: bytes, meter: Meter) -> Outcome:
        word = data.decode().split()[0]
        if word == "crash":
            os.abort()
        if word == "loop":
            while True:
                pass
        if word == "raise":
            raise ValueError("a planted error")
        if word in ("memory", "bomb"):
            with meter.memory(2**24, "planted"):
                np.ones(2**25 if word == "memory" else 2**34, np.uint8)
        if word == "wrong":
            raise FoundError("expected other bits")
        time.sleep(0)
        return Outcome(True, word)
