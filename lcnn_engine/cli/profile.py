"""``lcnn profile``: where the time of a prediction goes."""

from __future__ import annotations

import argparse
import dataclasses
import json

from ..net import Net
from .inputs import inputs


def run(options: argparse.Namespace) -> int:
    """Print the median time of every kernel call."""
    net = Net.load(options.model, threads=options.threads)
    profile = net.profile(inputs(net.graph, [options.image] if options.image else []), runs=options.runs)
    print(json.dumps(dataclasses.asdict(profile), indent=1) if options.json else profile)
    return 0
