import threading
import time

import pytest

from emsearch.network.ahead import ahead


def numbered(step: int) -> int:
    return step


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "ahead"]


def test_batches_come_in_order() -> None:
    assert list(ahead(numbered, 3, 20)) == list(range(3, 20))
    assert not workers()


def test_nothing_to_do_ends_at_once() -> None:
    assert list(ahead(numbered, 5, 5)) == []


def test_batches_are_drawn_in_advance_but_not_without_end() -> None:
    drawn: list[int] = []

    def draw(step: int) -> int:
        drawn.append(step)
        return numbered(step)

    batches = ahead(draw, 0, 1000)
    next(batches)
    deadline = time.monotonic() + 10
    while len(drawn) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert 5 <= len(drawn) <= 7
    batches.close()
    assert not workers()
    assert len(drawn) <= 8, "a stopped worker draws no more"


def test_an_error_in_the_worker_reaches_the_consumer() -> None:
    def draw(step: int) -> int:
        if step == 2:
            raise ArithmeticError("the third batch fails")
        return numbered(step)

    seen = []
    with pytest.raises(ArithmeticError, match="third batch"):
        for batch in ahead(draw, 0, 10):
            seen.append(batch)
    assert seen == [0, 1]
    assert not workers()


def test_an_error_in_the_consumer_stops_the_worker() -> None:
    batches = ahead(numbered, 0, 10_000)
    with pytest.raises(KeyboardInterrupt):
        for batch in batches:
            if batch == 3:
                raise KeyboardInterrupt
    batches.close()
    assert not workers()
