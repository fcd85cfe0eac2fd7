"""`lcnn-train` in this process, and a data set with its configuration to run it on."""

from __future__ import annotations

from lcnn_train import cli

CONFIG = """
name: tiny
data: {dataset: imagenet, validation: 4}
preprocessing: {mode: RGB, shortest_edge: 32, mean: [128.0, 128.0, 128.0], std: [64.0, 64.0, 64.0], scale: 1.0}
augment: [{name: flip}]
model: {name: lenet, variant: dense, channels: 3, classes: 4}
train: {batch_size: 4}
"""


def run(capsys, *arguments):
    status = cli.main([str(argument) for argument in arguments])
    out, error = capsys.readouterr()
    return status, out, error
