"""Scripts and models for ChimeraX."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import pytest

from emsearch.batch.set_answers import Posed, SetAnswer, SetHit
from emsearch.search.hits import View
from emsearch.search.picture import posed_view
from emsearch_cli.chimerax import PosedModel, models_of_sets, write_chimerax

TURNED = (0.5, 0.5, -0.5, 0.5)


def view(structure: str, quaternion: tuple[float, float, float, float] = TURNED) -> View:
    return View(structure, quaternion, 0.0, (0.0, 0.0), False, 1.0, 0.9)


def positions(path: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    (model,) = gemmi.read_structure(str(path))
    return np.array([cra.atom.pos.tolist() for cra in model.all()])


@pytest.fixture
def one(pooling_index: Any) -> str:
    return str(pooling_index.groups[0].representative)


def test_models_look_as_the_image_does(pooling_index: Any, one: str, tmp_path: Path) -> None:
    write_chimerax(pooling_index, [PosedModel((one,), view(one))], tmp_path / "hits.cxc")
    x, y, _ = positions(tmp_path / "hits-models" / "001.cif").T
    side, pixel = 48, 12.0
    drawn = np.asarray(posed_view(pooling_index, view(one), side, pixel))
    seen, _, _ = np.histogram2d(-y / pixel, x / pixel, bins=side, range=[[-side / 2, side / 2]] * 2)
    turned = [np.rot90(picture, k) for picture in (seen, seen[::-1]) for k in range(4)]
    alike = [np.corrcoef(picture.ravel(), drawn.ravel())[0, 1] for picture in turned]
    assert np.argmax(alike) == 0 and alike[0] > 0.5


def test_the_script_opens_each_model_and_shows_the_first(
    pooling_index: Any, one: str, tmp_path: Path
) -> None:
    models = [PosedModel((str(k), one), view(one)) for k in (1, 2, 3)]
    write_chimerax(pooling_index, models, tmp_path / "hits.cxc")
    lines = (tmp_path / "hits.cxc").read_text().splitlines()
    assert [line for line in lines if line.startswith("open")] == [
        f'open hits-models/00{k}.cif name "{k} {one}"' for k in (1, 2, 3)
    ]
    assert lines[-2:] == ["hide #2-3 models", "view"]
    assert all((tmp_path / "hits-models" / f"00{k}.cif").is_file() for k in (1, 2, 3))


def test_names_cannot_become_commands(pooling_index: Any, one: str, tmp_path: Path) -> None:
    bad = 'x"; exit\nrunscript /tmp/a.py; é $1'
    write_chimerax(pooling_index, [PosedModel((bad, one), view(one))], tmp_path / 'h "; exit.cxc')
    text = (tmp_path / 'h "; exit.cxc').read_text()
    known = ("#", "open ", "surface ", "hide ", "lighting ", "view")
    assert all(line.startswith(known) for line in text.splitlines())
    assert ";" not in text.replace("# ", "") and text.isascii() and "$" not in text


def test_sets_stand_side_by_side(pooling_index: Any, one: str, tmp_path: Path) -> None:
    def answer(name: str, posed: tuple[Posed, ...]) -> SetAnswer:
        return SetAnswer(name, 9, 3, (SetHit("G1", one, "", 0.9),), 0.1, 3, 0, posed)

    shown = [answer(name, (Posed(4, view(one)), Posed(2, view(one)))) for name in ("1", "2")]
    models = models_of_sets([*shown, answer("3", ())])
    assert [model.name for model in models] == [f"1 {one} 0.900", f"2 {one} 0.900"]
    write_chimerax(pooling_index, models, tmp_path / "sets.cxc", side_by_side=True)
    assert (tmp_path / "sets.cxc").read_text().splitlines()[-1] == "tile #1-2"


def test_query_writes_a_script(
    run: Callable[..., Any], replace_module: Callable[..., None], answer: Any, tmp_path: Path
) -> None:
    written: list[tuple[int, Path]] = []
    replace_module("emsearch.search.engine", open_index=lambda index_dir, *, device="auto": None)
    replace_module("emsearch.search.searching", search_file=lambda index, spec, **options: [answer])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "emsearch_cli.chimerax.write_chimerax",
            lambda index, models, path: written.append((len(models), path)),
        )
        outcome = run("query", "p.png", "--cxc", str(tmp_path / "hits.cxc"))
    assert outcome.code == 0 and written == [(1, tmp_path / "hits.cxc")]
    assert run("query", "p.png", "--cxc", str(tmp_path / "none" / "hits.cxc")).code == 2
