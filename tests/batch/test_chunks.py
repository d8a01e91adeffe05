"""Particles are read as they will be searched: CTF corrected, those that are alike together."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from emsearch.batch.chunks import chunk_particles, read_chunk
from emsearch.batch.identity import input_identity
from emsearch.batch.settings import BatchSettings
from emsearch.imaging.stack_files import write_stack
from emsearch.particles.ctf_correction import correct_ctf
from emsearch.particles.source import ParticleSource, open_particles
from emsearch.search.shortlist import SHORTLIST
from emsearch_index.errors import UsageError

OPTICS = {"rlnVoltage": 300.0, "rlnSphericalAberration": 2.7, "rlnAmplitudeContrast": 0.1}
COUNT = 6


def noise() -> NDArray[np.float32]:
    return np.random.default_rng(1).standard_normal((COUNT, 48, 48)).astype(np.float32)


@pytest.fixture
def source(tmp_path: Path) -> ParticleSource:
    """Return six particles with optics, the third without defocus."""
    defocus = np.linspace(10000, 20000, COUNT)
    defocus[2] = np.nan
    metadata: dict[str, Any] = {
        "rlnDefocusU": defocus,
        "rlnDefocusV": defocus,
        "rlnDefocusAngle": np.zeros(COUNT),
    }
    star = tmp_path / "s.star"
    write_stack(tmp_path / "s.mrcs", noise(), 3.0, star=star, metadata=metadata, optics=OPTICS)
    return open_particles(str(star))


@pytest.mark.parametrize(
    ("ctf", "method"), [("auto", "phase-flip"), ("phase-flip", "phase-flip"), ("wiener", "wiener")]
)
def test_known_transfer_functions_are_undone(source: ParticleSource, ctf: Any, method: Any) -> None:
    rows = [5, 2, 0]
    (alike,) = read_chunk(source, rows, BatchSettings(ctf=ctf)).alike
    raw = torch.from_numpy(noise()[rows])
    torch.testing.assert_close(alike.images, correct_ctf(raw, 3.0, source.optics[np.array(rows)], method))
    assert torch.equal(alike.images[1], raw[1])
    assert not torch.allclose(alike.images[0], raw[0], atol=0.1)


def test_images_stay_as_they_are_where_told(source: ParticleSource) -> None:
    (alike,) = read_chunk(source, range(COUNT), BatchSettings(ctf="none", pixel_size_angstrom=4.0)).alike
    assert torch.equal(alike.images, torch.from_numpy(noise()))
    assert alike.pixel_size_angstrom == 4.0
    assert torch.equal(alike.bright("dark"), -alike.images)


def test_images_of_different_size_are_kept_apart(tmp_path: Path) -> None:
    for side in (32, 48):
        write_stack(tmp_path / f"{side}.mrcs", noise()[:2, :side, :side], 3.0, star=None, metadata={})
    names = ["1@32.mrcs", "1@48.mrcs", "2@32.mrcs", "9@48.mrcs"]
    (tmp_path / "mixed.star").write_text("data_\n\nloop_\n_rlnImageName\n" + "\n".join(names) + "\n")
    chunk = read_chunk(open_particles(str(tmp_path / "mixed.star")), range(4), BatchSettings())
    assert {alike.images.shape[1]: alike.place.tolist() for alike in chunk.alike} == {32: [0, 2], 48: [1]}
    assert list(chunk.problems) == [3]


def test_chunks_are_small_where_every_particle_takes_long(source: ParticleSource) -> None:
    assert chunk_particles(source, BatchSettings(rerank=0)) == 1024
    assert chunk_particles(source, BatchSettings(rerank=10)) == 32


def test_a_stack_that_was_written_anew_is_another_input(source: ParticleSource) -> None:
    before = input_identity(source)
    assert input_identity(open_particles(source.path)) == before
    status = Path(source.stacks[0]).stat()
    os.utime(source.stacks[0], ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert input_identity(source) != before
    Path(source.path).write_text(Path(source.path).read_text() + "\n")
    assert input_identity(source)["sha256"] != before["sha256"]


def test_settings_that_cannot_be_are_refused() -> None:
    for wrong in ({"contrast": "grey"}, {"ctf": "perfect"}, {"top": 0}, {"rerank": -1}, {"match_per_set": 0}):
        with pytest.raises(UsageError):
            BatchSettings(**wrong)
    assert BatchSettings().matched(100) == SHORTLIST
    assert BatchSettings().matched(101) == 0
    assert BatchSettings(rerank=7).matched(10**6) == 7
