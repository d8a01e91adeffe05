"""Worker processes that end when their parent does, however that ends."""

import os
import signal
import threading
from multiprocessing import parent_process

__all__ = ["follow_parent"]


def follow_parent() -> None:
    """Set up a worker process: it leaves Ctrl-C to its parent and ends with it, even by kill -9."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
