"""One process for each core; all share the weights, which are loaded before they are forked."""

import gc
from pathlib import Path
from typing import Any

from lcnn_engine import kernel_info

wsgi_app = "app:application"
pythonpath = str(Path(__file__).parent)
preload_app = True
workers = kernel_info()["threads"]  # within the affinity and the container's quota, which os.cpu_count() is not
bind = "127.0.0.1:8000"
timeout = 30  # seconds after which a worker that is stuck in one picture is replaced


def when_ready(server: Any) -> None:
    gc.freeze()
