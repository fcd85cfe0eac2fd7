"""`python -m lcnn_train` is the command `lcnn-train`."""

import sys

from lcnn_train.cli import main

if __name__ == "__main__":
    sys.exit(main())
