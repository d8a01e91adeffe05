"""``emsearch info``: what the index holds and how it was made."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emsearch_cli.catalogues import opened_catalogue, opened_generation
from emsearch_cli.documents import write_document
from emsearch_cli.options import Format, IndexDir, OutputFormat, Quiet, Verbose
from emsearch_cli.tables import Table

if TYPE_CHECKING:
    from emsearch_index.catalogue import Catalogue
    from emsearch_index.generation import Generation

__all__ = ["info"]

_COUNTS = """
    SELECT (SELECT count(*) FROM structures) AS structures, (SELECT count(*) FROM groups) AS "groups",
           (SELECT count(*) FROM views) AS views, (SELECT count(*) FROM similarities) AS compared_pairs,
           (SELECT count(*) FROM left_out) AS files_left_out
"""
_SIZE_CLASSES = """
    SELECT c.name, c.dmax_min_angstrom, c.dmax_max_angstrom, c.pixel_size_angstrom, c.box_px,
           count(g.id) AS "groups", CAST(coalesce(sum(g.members), 0) AS BIGINT) AS structures
    FROM size_classes c LEFT JOIN groups g ON g.size_class = c.name
    GROUP BY ALL ORDER BY c.dmax_min_angstrom
"""
_LEFT_OUT = "SELECT source, reason FROM left_out ORDER BY source"


def info(
    index: IndexDir = None,
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Say what the index holds.

    Entries, groups, size classes, files that were left out and why, configuration and measured figures,
    versions.
    """
    generation = opened_generation(index)
    with opened_catalogue(index) as catalogue:
        document = _document(generation, catalogue)
    write_document(document, form)


def _document(generation: "Generation", catalogue: "Catalogue") -> dict[str, Any]:
    manifest = generation.manifest
    configuration = dict(manifest.configuration)
    figures = configuration.pop("evaluation", [])
    return {
        "path": str(generation.path.parent),
        "generation": generation.name,
        "created": manifest.created,
        "megabytes": round(sum(entry.bytes for entry in manifest.files.values()) / 1e6, 1),
        **catalogue.rows(_COUNTS)[0],
        "size_classes": Table.of(catalogue.rows(_SIZE_CLASSES)),
        "evaluation": Table.of(figures),
        "configuration": _pairs(configuration),
        "versions": _pairs(manifest.versions),
        "left_out": Table.of(catalogue.rows(_LEFT_OUT)),
    }


def _pairs(values: Mapping[str, Any]) -> Table:
    return Table(("name", "value"), [[name, values[name]] for name in sorted(values)])
