"""``lcnn profile``: where the time of a prediction goes."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Any

from ..analysis.profile import Profile
from ..images.inputs import inputs
from ..model.graph import LookupConv2D, LookupDense
from ..utils.drawing import checked_format
from ..utils.files import check_place
from ..utils.text import note
from .loading import load


def run(options: argparse.Namespace) -> int:
    """Print the median time of every kernel call; write the trace and the plot that were asked for."""
    if options.plot is not None:
        checked_format(options.plot)
    for path in filter(None, (options.plot, options.trace)):
        check_place(path)  # now, not after the measuring
    net = load(options, options.threads)
    batch = inputs(net.graph, [options.image] if options.image else [])
    dense = not options.no_dense and any(isinstance(node, (LookupConv2D, LookupDense)) for node in net.graph.nodes)
    note("measuring the network and its dense equivalent ..." if dense else "measuring ...")
    profile = net.profile(batch, runs=options.runs, dense=dense)
    note("")
    print(json.dumps(_facts(profile), indent=1) if options.json else profile)
    if options.trace is not None:
        profile.save_trace(options.trace)
    if options.plot is not None:
        profile.save_plot(options.plot)
    return 0


def _facts(profile: Profile) -> dict[str, Any]:
    sums = {"seconds": profile.seconds, "dense_seconds": profile.dense_seconds, "ratio": profile.ratio}
    facts = dataclasses.asdict(profile) | sums
    for step in (*facts["steps"], *(facts["dense"] or ())):
        step["kind"] = step["kind"].value
    return facts
