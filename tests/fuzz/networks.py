"""Random networks, which every variant computes as the definition of each precision says."""

from __future__ import annotations

import random

import numpy as np

from lcnn_engine.runtime.precision import PRECISIONS
from tests.fuzz.kind import Kind, Outcome
from tests.fuzz.meter import FoundError, Meter
from tests.helpers.kernel_cases import VARIANTS, check
from tests.helpers.random_networks import random_network

SEED_BYTES = 8


class Networks(Kind):
    """An input is the seed of a network."""

    name = "networks"
    seconds = 120.0

    def make(self, rng: random.Random) -> bytes:
        return rng.randbytes(SEED_BYTES)

    def judge(self, data: bytes, meter: Meter) -> Outcome:
        network = random_network(np.random.default_rng(int.from_bytes(data, "little")))
        every = [node.name for node in network.nodes]
        try:
            check(network)
            for precision in PRECISIONS:  # node by node: a difference must not make another rounding further on
                check(network, outputs=every, precision=precision)
        except AssertionError as error:
            raise FoundError(f"expected what the definition says: {str(error)[:1000]}") from error
        return Outcome(True, "equal", len(VARIANTS) * (1 + len(PRECISIONS)))
