"""What a fit leaves in its folder: figures, pictures, models for UCSF ChimeraX and a script that opens them."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emsearch_cli.chimerax import bead_structure
from emsearch_cli.tables import json_text

if TYPE_CHECKING:
    import gemmi

    from emsearch.hybrid_fit.fitted_image import FittedImage
    from emsearch.structures.atoms import Atoms

__all__ = ["write_fit"]

_RESOLUTION_ANGSTROM = 15


def write_fit(fitted: "FittedImage", folder: Path) -> None:
    """Write fit.json, fit.png, fit-steps.png, input.cif, bent.cif, bent-atoms.cif where there are atoms, and fit.cxc.

    Models lie as the image shows them; input and bent one are superposed by their poses.
    """
    from emsearch.hybrid_fit.picture import write_animation, write_picture
    from emsearch.hybrid_fit.report import fit_json
    from emsearch.search.posed_beads import seen_from_above
    from emsearch.structures.atoms import carried_along

    folder.mkdir(exist_ok=True)
    (folder / "fit.json").write_text(json_text(fit_json(fitted), indent=2) + "\n", encoding="utf-8")
    write_picture(fitted, folder / "fit.png")
    write_animation(fitted, folder / "fit-steps.png")
    fit, model = fitted.fit, fitted.subject.model
    units = fit.bent.state.modes
    before, after = fit.flexible.points, fit.flexible.bent(units)
    views = {"input": fitted.view(False), "bent": fitted.view(True)}
    for name, points in (("input", before), ("bent", after)):
        placed = seen_from_above(points, views[name])
        bead_structure(placed, model.nucleic).make_mmcif_document().write_file(str(folder / f"{name}.cif"))
    opened = [f'open input.cif name "{fitted.subject.name} as it is"', 'open bent.cif name "bent"']
    if not isinstance(fitted.subject.atoms, str):
        rotation = np.tensordot(units, fit.flexible.rotation, axes=1)
        atoms = carried_along(fitted.subject.atoms, before, after, rotation)
        placed = seen_from_above(atoms.position_angstrom, views["bent"])
        _atom_structure(atoms, placed).make_mmcif_document().write_file(str(folder / "bent-atoms.cif"))
        opened.append('open bent-atoms.cif name "bent, all atoms"')
    script = [
        "# A structure bent to fit an image: grey as it is, orange bent, seen as in the image",
        *opened,
        f"surface #1,2 resolution {_RESOLUTION_ANGSTROM}",
        "color #1 gray",
        "color #2 orange",
        "transparency #1 60",
        "hide #1,2 atoms",
        "hide #1,2 cartoons",
        "lighting soft",
        "view orient",
        "view",
    ]
    (folder / "fit.cxc").write_text("\n".join(script) + "\n", encoding="utf-8")


def _atom_structure(
    atoms: "Atoms", places: "np.ndarray[tuple[int, int], np.dtype[np.float64]]"
) -> "gemmi.Structure":
    """Return atoms at places (n, 3) as a structure."""
    import gemmi

    structure, model = gemmi.Structure(), gemmi.Model(1)
    last: tuple[str, str, str] | None = None
    chain, residue = gemmi.Chain(""), gemmi.Residue()
    rows = zip(
        *(getattr(atoms, name).tolist() for name in ("chain", "number", "residue", "name", "element")),
        places.tolist(),
        strict=True,
    )
    for owner, number, kind, name, element, place in rows:
        if last is None or last[0] != owner:
            chain = model.add_chain(gemmi.Chain(owner))
            last = None
        if last != (owner, number, kind):
            made = gemmi.Residue()
            made.name, made.seqid = kind, gemmi.SeqId(number)
            residue = chain.add_residue(made)
            last = (owner, number, kind)
        atom = gemmi.Atom()
        atom.name, atom.element, atom.pos, atom.b_iso = (
            name,
            gemmi.Element(element),
            gemmi.Position(*place),
            20.0,
        )
        residue.add_atom(atom)
    structure.add_model(model)
    structure.setup_entities()
    return structure
