"""Relevance of beads for UCSF ChimeraX: a bead model with it as B-factors, attributes of residues, and a script."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emsearch_cli.chimerax import bead_numbers, bead_structure
from emsearch_cli.report.environment import pdb_url

if TYPE_CHECKING:
    from emsearch.explanation.explained_images import ExplainedImages
    from emsearch.search.engine import SearchIndex

__all__ = ["write_residues"]

_RESOLUTION_ANGSTROM = 15
_RANGE = 0.98  # quantile of the sizes at which colours saturate


def write_residues(index: "SearchIndex", explained: "ExplainedImages", folder: Path) -> list[Path]:
    """Write residues.cif, residues.defattr and residues.cxc; return them.

    The model lies as the image that speaks most for the hit shows it. B-factors hold the first method's relevance on a
    scale from 0 to 100 on which nothing is 50. The catalogue keeps no numbers of residues: beads are numbered in the order
    of the file that they came from, proteins in chain A and nucleotides in chain B.
    """
    from emsearch.search.answering import view_of
    from emsearch.search.posed_beads import posed_beads

    clearest = explained.explanations[explained.clearest]
    position, nucleic = posed_beads(index, view_of(clearest.case.hit))
    methods = list(clearest.parts)
    relevance = {method: explained.beads(method) for method in methods}
    most = {method: float(np.quantile(np.abs(beads), _RANGE)) or 1.0 for method, beads in relevance.items()}
    first = methods[0]
    factors = 50 + 50 * np.clip(relevance[first] / most[first], -1, 1)
    model, attributes, script = (folder / f"residues.{suffix}" for suffix in ("cif", "defattr", "cxc"))
    bead_structure(position, nucleic, factors).make_mmcif_document().write_file(str(model))
    lines = [
        "# Relevance of each bead for the hit, the mean over images; the sum over beads is that of the map"
    ]
    for method, beads in relevance.items():
        lines += [f"attribute: relevance_{method}", "match mode: 1-to-1", "recipient: residues"]
        numbered = zip(bead_numbers(nucleic), beads.tolist(), strict=True)
        lines += [f"\t/{chain}:{number}\t{value:.6g}" for (chain, number), value in numbered]
    attributes.write_text("\n".join(lines) + "\n", encoding="utf-8")
    page = pdb_url(explained.structure)
    script.write_text(
        "\n".join(
            [
                "# Which part of the molecule carried the identification: red speaks for it, blue against",
                *([f"# {page}"] if page else []),
                "open residues.cif",
                "open residues.defattr",
                f"surface #1 resolution {_RESOLUTION_ANGSTROM}",
                f"color byattribute r:relevance_{first} #1 palette blue:white:red "
                f"range {-most[first]:.6g},{most[first]:.6g}",
                *[
                    f"# color byattribute r:relevance_{method} #1 palette blue:white:red "
                    f"range {-most[method]:.6g},{most[method]:.6g}"
                    for method in methods[1:]
                ],
                "hide atoms",
                "hide cartoons",
                "lighting soft",
                "view orient",
                "view",
            ]
        )
        + "\n",
        encoding="utf-8",
    )
    return [model, attributes, script]
