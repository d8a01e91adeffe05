import sys

import numpy as np
import pytest

from emsearch.build.memory import resident_bytes, watched


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_large_array_shows_in_the_peak() -> None:
    before = resident_bytes()
    with watched() as peak:
        block = np.ones(50_000_000, np.uint8)
        peak.sample()
        del block
    assert before is not None and peak.megabytes is not None
    assert peak.megabytes > before / 1e6 + 40
