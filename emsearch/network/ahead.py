"""Work drawn ahead of the network by a thread, so that the network never waits for it."""

import queue
import threading
from collections.abc import Callable, Generator
from typing import TypeVar

import torch
from numba import set_num_threads

__all__ = ["ahead"]

Drawn = TypeVar("Drawn")


def ahead(
    draw: Callable[[int], Drawn], first: int, last: int, *, most: int = 4
) -> Generator[Drawn, None, None]:
    """Yield draw(first) .. draw(last - 1), up to ``most`` of them drawn in advance by a thread."""
    ready: queue.Queue[Drawn | BaseException] = queue.Queue(most)
    stop = threading.Event()

    def put(item: Drawn | BaseException) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.2)
                return
            except queue.Full:
                continue

    def work() -> None:
        torch.set_num_threads(1)  # of this thread: a second team of threads would make the network's wait
        set_num_threads(1)
        try:
            for step in range(first, last):
                if stop.is_set():
                    return
                put(draw(step))
        except BaseException as error:  # handed to the consumer, which raises it
            put(error)

    thread = threading.Thread(target=work, name="ahead", daemon=True)
    thread.start()
    try:
        for _ in range(first, last):
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()
