"""A page over the five lobed structures, and a client that talks to it without a network."""

import shutil
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import partial
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
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
)
_OF_SOFTWARE_GL = "GPU stall due to ReadPixels"  # what Chromium says of drawing without a graphics card


@pytest.fixture(scope="session")
def page_generation(blobs: dict[str, BeadModel], tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """Return a generation that is a catalogue of the five lobed structures alone; the title of the first is hostile."""
    titles = {name: f"lobes {k}" for k, name in enumerate(sorted(blobs))} | {"blob0": HOSTILE}
    return generation_of(titles, tmp_path_factory.mktemp("page"))


def generation_of(titles: Mapping[str, str], folder: Path) -> Generation:
    """Return a generation that is a catalogue of structures of these titles, a group each, the neighbours alike."""
    folder = folder / "gen-0"
    folder.mkdir()
    path = folder / "catalogue.duckdb"
    names = list(titles)
    with Catalogue.create(path) as catalogue:
        catalogue.upsert("structures", [_structure(k, name, titles[name]) for k, name in enumerate(names)])
        catalogue.upsert("groups", [_group(k, name, titles[name]) for k, name in enumerate(names)])
        catalogue.upsert(
            "group_members",
            [{"group_id": f"G{k}", "structure_id": name, "similarity": 1.0} for k, name in enumerate(names)],
        )
        alike = zip(names[::2], names[1::2], strict=False)
        catalogue.upsert(
            "similarities", [{"structure_a": a, "structure_b": b, "score": 0.5} for a, b in alike]
        )
        catalogue.upsert("chains", [{"structure_id": names[0], "entity": HOSTILE, "type": "protein"}])
        catalogue.upsert("size_classes", [{"name": "d100-200", "dmax_min_angstrom": 100.0}])
    manifest = Manifest("", {path.name: hash_file(path)}, {}, {})
    return Generation(folder, folder.name, manifest)


def _structure(k: int, name: str, title: str) -> dict[str, object]:
    return {
        "id": name,
        "title": title,
        "organism": title,
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


def _group(k: int, name: str, title: str) -> dict[str, object]:
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
    with served(pooling_index, page_generation) as where:
        yield where


@contextmanager
def served(index: SearchIndex, generation: Generation) -> Iterator[str]:
    """Serve the page of an index at a free port as long as the context lasts; its value is the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.MonkeyPatch.context() as patched:
        # untrained, to be asked for its odds by explanations
        untrained = ShapeNetwork(len(index.groups), width=8).eval()
        patched.setattr(index, "network", untrained, raising=False)
        app = create_app(generation, lambda: index, token=TOKEN)
        server = Server(Config(app, log_config=None, ws="none"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return Chromium; skipped where it or playwright, of the extra `web-tests`, is absent."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install 'emsearch[web-tests]'"
    )
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with (
        playwright.sync_playwright() as started,
        closing(started.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))) as browser,
    ):
        yield browser


@pytest.fixture
def visit_at(browser: Any) -> Iterator[Callable[..., Any]]:
    """Return a function that opens an address; the test fails on an error in the console, a dialog or a foreign request.

    ``forgiven`` begins what the console may say all the same.
    """
    complaints: list[str] = []
    contexts = []

    def open_page(address: str, path: str = "/", *, forgiven: str = _OF_SOFTWARE_GL, **options: Any) -> Any:
        def complain(text: str) -> None:
            if text and _OF_SOFTWARE_GL not in text and not text.startswith(forgiven):
                complaints.append(text)

        def dismissed(dialog: Any) -> None:
            complaints.append(dialog.message)
            dialog.dismiss()

        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: complain(m.text if m.type in ("error", "warning") else ""))
        page.on("pageerror", lambda error: complain(str(error)))
        page.on("dialog", dismissed)
        page.on("request", lambda r: complain("" if r.url.startswith(address) else r.url))
        separator = "&" if "?" in path else "?"
        page.goto(f"{address}{path}{separator}token={TOKEN}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def visit(visit_at: Callable[..., Any], address: str) -> Callable[..., Any]:
    """Return such a function for the page of the five lobed structures."""
    return partial(visit_at, address)


def search(page: Any, file: Path, name: str = "particle.mrcs") -> None:
    """Upload an image and wait for its answer."""
    payload = {"name": name, "mimeType": "application/octet-stream", "buffer": file.read_bytes()}
    page.set_input_files("#image", payload)
    page.click("button[type=submit]")
    page.wait_for_selector("table.hits")


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
