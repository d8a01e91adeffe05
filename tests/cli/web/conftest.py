"""A page over the five lobed structures, and a client that talks to it without a network."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from uvicorn import Config, Server

from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.simulate import Simulator
from emsearch.network.model import ShapeNetwork
from emsearch.search.engine import SearchIndex
from emsearch.structures.beads import BeadModel
from emsearch_cli.web.app import create_app
from emsearch_cli.web.settings import WebSettings
from emsearch_index.catalogue import Catalogue
from emsearch_index.generation import Generation
from emsearch_index.manifest import Manifest, hash_file

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
TOKEN = "the-token-of-the-tests"
PAGE = "http://127.0.0.1:8600"


@pytest.fixture(scope="session")
def page_generation(blobs: dict[str, BeadModel], tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """Return a generation that is a catalogue of the five lobed structures alone; the title of the first is hostile."""
    folder = tmp_path_factory.mktemp("page") / "gen-0"
    folder.mkdir()
    path = folder / "catalogue.duckdb"
    names = sorted(blobs)
    with Catalogue.create(path) as catalogue:
        catalogue.upsert("structures", [_structure(k, name) for k, name in enumerate(names)])
        catalogue.upsert("groups", [_group(k, name) for k, name in enumerate(names)])
        catalogue.upsert(
            "group_members",
            [{"group_id": f"G{k}", "structure_id": name, "similarity": 1.0} for k, name in enumerate(names)],
        )
        catalogue.upsert("similarities", [{"structure_a": "blob0", "structure_b": "blob1", "score": 0.5}])
        catalogue.upsert("chains", [{"structure_id": "blob0", "entity": HOSTILE, "type": "protein"}])
        catalogue.upsert("size_classes", [{"name": "d100-200", "dmax_min_angstrom": 100.0}])
    manifest = Manifest("", {path.name: hash_file(path)}, {}, {})
    return Generation(folder, folder.name, manifest)


def _structure(k: int, name: str) -> dict[str, object]:
    return {
        "id": name,
        "title": HOSTILE if k == 0 else f"lobes {k}",
        "mass_da": 22_000.0,
        "dmax_angstrom": 150.0 + k,
        "rg_angstrom": 40.0,
        "gyration_1": 900.0 + 100 * k,
        "gyration_2": 500.0,
        "gyration_3": 200.0,
        "anisotropy": 0.1 + 0.01 * k,
        "volume_angstrom3": 27_000.0,
        "size_class": "d100-200",
        "group_id": f"G{k}",
    }


def _group(k: int, name: str) -> dict[str, object]:
    title = HOSTILE if k == 0 else f"lobes {k}"
    return {"id": f"G{k}", "representative_id": name, "members": 1, "size_class": "d100-200", "name": title}


@pytest.fixture(scope="session")
def start_page(pooling_index: SearchIndex, page_generation: Generation) -> Callable[..., TestClient]:
    """Return a function that makes a page and a client that knows its token.

    ``open_index`` opens another index than the five lobed structures; the settings are those of `WebSettings`.
    """

    def start(open_index: Callable[[], SearchIndex] = lambda: pooling_index, **settings: Any) -> TestClient:
        app = create_app(page_generation, open_index, token=TOKEN, settings=WebSettings(**settings))
        return TestClient(
            app,
            base_url=PAGE,
            headers={"authorization": f"Bearer {TOKEN}"},
            follow_redirects=False,
            raise_server_exceptions=False,
        )

    return start


@pytest.fixture
def serve_page(start_page: Callable[..., TestClient]) -> Iterator[Callable[..., TestClient]]:
    """Return a function that makes such a page and runs it until the test ends."""
    with ExitStack() as running:
        yield lambda *arguments, **settings: running.enter_context(start_page(*arguments, **settings))


@pytest.fixture(scope="session")
def page(start_page: Callable[..., TestClient]) -> Iterator[TestClient]:
    """Return a client of a page with the usual settings, which all tests share."""
    with start_page() as client:
        yield client


@pytest.fixture(scope="module")
def address(pooling_index: SearchIndex, page_generation: Generation) -> Iterator[str]:
    """Serve the page at a free port and return its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.MonkeyPatch.context() as patched:
        # untrained, to be asked for its odds by explanations
        patched.setattr(pooling_index, "network", ShapeNetwork(5, width=8).eval(), raising=False)
        app = create_app(page_generation, lambda: pooling_index, token=TOKEN)
        server = Server(Config(app, log_config=None, ws="none"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="session")
def particle(blob_simulator: Simulator) -> NDArray[np.float32]:
    """Return a noisy image of the third lobed structure, 64 x 64 px of 4.5 A."""
    quaternion = np.array([[0.8, 0.2, -0.5, 0.26]])
    parameters = clean_parameters(quaternion / np.linalg.norm(quaternion))
    (drawn,) = blob_simulator.projections(np.array([2]), parameters, np.array([4.5]), 64).numpy()
    noise = np.random.default_rng(3).normal(0, 0.3 * float(drawn.std()), drawn.shape)
    return np.asarray(drawn + noise, np.float32)


@pytest.fixture(scope="session")
def mrc_file(particle: NDArray[np.float32], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that writes that image so many times as an MRC stack of 4.5 A a pixel."""
    folder = tmp_path_factory.mktemp("uploads")

    def write(images: int = 1) -> Path:
        path = folder / f"{images}.mrcs"
        if not path.exists():
            with mrcfile.new(path) as mrc:
                mrc.set_data(np.repeat(particle[None], images, axis=0))
                mrc.voxel_size = 4.5
        return path

    return write
