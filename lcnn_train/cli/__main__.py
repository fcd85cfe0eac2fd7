"""`python -m lcnn_train.cli` is the command `lcnn-train`, too."""

import sys

from lcnn_train.cli import main

if __name__ == "__main__":
    sys.exit(main())
