"""``lcnn predict``: the classes of images."""

from __future__ import annotations

import argparse
import json
from typing import Any, cast

from ..errors import InputError
from ..net import Net
from ..utils.text import complain, message_of, printable


def run(options: argparse.Namespace) -> int:
    """Print the classes of every image that is one; 2 if some are not."""
    net = Net.load(options.model, threads=options.threads)
    if net.graph.preprocessing is None:
        raise InputError(f"{options.model}: expected a model that says how to preprocess images; export it so")
    width = min(60, max(len(printable(image)) for image in options.images))
    answers: list[dict[str, Any]] = []
    bad = 0
    for image in options.images:
        try:
            classes = cast("list[tuple[str, float]]", net.classify(image, top=options.top))
        except (InputError, OSError) as error:
            message = message_of(error)
            complain(message if image in message else f"{image}: {message}")
            bad += 1
            continue
        if options.json:
            answers.append(
                {"image": image, "classes": [{"label": label, "probability": value} for label, value in classes]}
            )
        else:
            ranked = "   ".join(f"{printable(label)} {value:.2%}" for label, value in classes)
            print(f"{printable(image):{width}}   {ranked}")
    if options.json:
        print("[" + ",\n ".join(map(json.dumps, answers)) + "]")
    return 2 if bad else 0
