import subprocess
import sys

import pytest

# In a process of its own: workers that other tests left behind, and that end meanwhile, would count.
PROGRAM = """
import numpy as np
from emsearch.build.memory import resident_bytes, watched
before = resident_bytes()
with watched() as peak:
    block = np.ones(50_000_000, np.uint8)
    peak.sample()
    del block
print(peak.megabytes - before / 1e6)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_large_array_shows_in_the_peak() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert 40 < float(run.stdout) < 100
