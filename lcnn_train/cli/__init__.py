"""The command `lcnn-train`: fit, launch, plot, evaluate, count, export, data and more from a shell.

Here are its commands, one file each, with what they share: `parser` is the scheme, `options` what several of them take.
What a command does lies elsewhere, and is imported when it runs: help and mistyped options answer without TensorFlow.

Exit status: 0 done, 1 a check failed (--verify) or a training could not go on, 2 bad input (one line on standard error,
no traceback), 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lcnn_engine.errors import LcnnError
from lcnn_train.cli.messages import complain
from lcnn_train.cli.parser import parser
from lcnn_train.errors import TrainingError
from lcnn_train.utils.trust import trusting


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status."""
    parsed = parser().parse_args(arguments)
    try:
        with trusting(getattr(parsed, "trust", False)):
            return parsed.run(parsed)
    except TrainingError as error:
        complain(error)
        return 1
    except (LcnnError, OSError) as error:
        complain(error)
        return 2
    except KeyboardInterrupt:
        print("lcnn-train: interrupted", file=sys.stderr)
        return 130
