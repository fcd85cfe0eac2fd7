"""What the command says of errors."""

from __future__ import annotations

import sys


def complain(error: Exception) -> None:
    """Print an error as one line on standard error; the system's errors name their file first, as ours do."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.filename}: {error.strerror}"
    print(f"lcnn-train: {' '.join(text.split())}", file=sys.stderr)
