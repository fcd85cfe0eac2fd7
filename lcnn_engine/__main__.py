"""``python -m lcnn_engine``: the command ``lcnn``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
