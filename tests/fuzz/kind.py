"""What a kind of inputs is, and what all share."""

from __future__ import annotations

import random
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from tests.fuzz.meter import FoundError, Meter

MOST_OF_A_MESSAGE = 4000  # characters


class Outcome(NamedTuple):
    """``loaded``: it was no error; ``runs``: how many ways it was run; ``signature``: the same for inputs of one sort.

    Inputs of a signature that is new are kept, to be changed further.
    """

    loaded: bool
    signature: str
    runs: int = 0


class Kind(ABC):
    """Makes inputs and judges them; ``kept`` are inputs of former campaigns to begin with, beside its own."""

    name: ClassVar[str]
    seconds: ClassVar[float] = 20.0  # of the processor, that one input may take

    def __init__(self, kept: Sequence[bytes] = ()) -> None:
        self.kept = list(kept)

    @abstractmethod
    def make(self, rng: random.Random) -> bytes:
        """Make an input; the same for the same state of ``rng``."""

    @abstractmethod
    def judge(self, data: bytes, meter: Meter) -> Outcome:
        """Try an input. Raises FoundError, or whatever the engine should not have raised."""


def refused(error: Exception) -> Outcome:
    """Give the outcome of an input that is refused. Raises FoundError for a message that does not help."""
    message = str(error)
    helps = "expected" in message or "cannot be taken" in message
    if not helps or len(message) > MOST_OF_A_MESSAGE:
        raise FoundError(f"expected a message that says what was expected, found {message[:500]!r}") from error
    plain = re.sub(r"'[^']*'|\"[^\"]*\"|\[[^\]]*\]|\([^)]*\)", "_", message)
    return Outcome(False, re.sub(r"[-\d.e+]+", "0", plain)[:200])
