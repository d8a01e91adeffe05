"""What a file says of itself: title, method, resolution, organism, date, sequences."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import gemmi

__all__ = ["Metadata", "mmcif_metadata", "pdb_metadata"]

_RESOLUTION_TAGS = (
    "_refine.ls_d_res_high",
    "_em_3d_reconstruction.resolution",
    "_reflns.d_resolution_high",
    "_emsearch_source.resolution",
)
_ORGANISM_TAGS = (
    "_entity_src_gen.pdbx_gene_src_scientific_name",
    "_entity_src_nat.pdbx_organism_scientific",
    "_pdbx_entity_src_syn.organism_scientific",
    "_emsearch_source.organism",
)
_DATE_TAGS = ("_pdbx_audit_revision_history.revision_date", "_emsearch_source.release_date")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True, slots=True)
class Metadata:
    """Fields of the entry; "" or None where the file has none. ``sequences`` by entity, one letter each."""

    title: str
    method: str
    resolution_angstrom: float | None
    organism: str
    release_date: str | None
    sequences: Mapping[str, str]

    def missing(self) -> str:
        """Name the fields that the file does not give, for the notes."""
        fields = {
            "title": self.title,
            "method": self.method,
            "resolution": self.resolution_angstrom,
            "organism": self.organism,
            "release date": self.release_date,
        }
        names = [name for name, value in fields.items() if not value]
        return f"not in the file: {', '.join(names)}" if names else ""


def _values(block: gemmi.cif.Block, tag: str) -> list[str]:
    found = (gemmi.cif.as_string(value).strip() for value in block.find_values(tag))
    return list(dict.fromkeys(" ".join(value.split()) for value in found if value not in ("", "?", ".")))


def _first_positive(block: gemmi.cif.Block) -> float | None:
    for tag in _RESOLUTION_TAGS:
        for text in _values(block, tag):
            value = gemmi.cif.as_number(text, 0.0)
            if isfinite(value) and value > 0.0:
                return float(value)
    return None


def _first_filled(block: gemmi.cif.Block, tags: tuple[str, ...]) -> list[str]:
    return next((values for tag in tags if (values := _values(block, tag))), [])


def mmcif_metadata(block: gemmi.cif.Block) -> Metadata:
    """Read the descriptive categories of an mmCIF block.

    Standard categories come first; ``_emsearch_source`` holds what a converted file knows from its origin.
    Organisms of a complex are joined with "; ".
    """
    organisms = [name for tag in _ORGANISM_TAGS[:-1] for name in _values(block, tag)]
    if not organisms:
        organisms = _values(block, _ORGANISM_TAGS[-1])
    dates = _first_filled(block, _DATE_TAGS)
    table = block.find("_entity_poly.", ["entity_id", "pdbx_seq_one_letter_code"])
    sequences = {
        gemmi.cif.as_string(row[0]): "".join(gemmi.cif.as_string(row[1]).split())
        for row in table
        if row[1] not in ("?", ".")
    }
    return Metadata(
        title=next(iter(_values(block, "_struct.title")), ""),
        method="; ".join(_values(block, "_exptl.method")),
        resolution_angstrom=_first_positive(block),
        organism="; ".join(dict.fromkeys(organisms)),
        release_date=min(dates) if dates else None,  # the first revision is the release
        sequences=sequences,
    )


def _iso_date(text: str) -> str | None:
    """Turn DD-MMM-YY of a HEADER record into ISO 8601; the PDB began in 1971.

    >>> _iso_date("15-JUL-98")
    '1998-07-15'
    """
    parts = text.upper().split("-")
    if len(parts) != 3 or parts[1] not in _MONTHS or not (parts[0] + parts[2]).isdigit():
        return None
    century = 1900 if int(parts[2]) >= 71 else 2000
    return f"{century + int(parts[2])}-{_MONTHS.index(parts[1]) + 1:02d}-{int(parts[0]):02d}"


def _compound_field(text: str, record: str, field: str) -> list[str]:
    lines = [line[10:80] for line in text.splitlines() if line.startswith(record)]
    statements = " ".join(line.strip() for line in lines).split(";")
    pairs = (statement.partition(":") for statement in statements)
    return list(dict.fromkeys(value.strip() for key, _, value in pairs if key.strip() == field))


def pdb_metadata(structure: gemmi.Structure, text: str) -> Metadata:
    """Read HEADER, TITLE, EXPDTA, REMARK 2, REVDAT and SOURCE of a PDB file."""
    header = dict(structure.info.items())
    resolution = structure.resolution
    revisions = [line[13:22].strip() for line in text.splitlines() if line.startswith("REVDAT   1 ")]
    return Metadata(
        title=" ".join(header.get("_struct.title", "").split()),
        method=header.get("_exptl.method", ""),
        resolution_angstrom=resolution if resolution > 0.0 else None,
        organism="; ".join(_compound_field(text, "SOURCE", "ORGANISM_SCIENTIFIC")),
        release_date=_iso_date(revisions[0]) if revisions else None,
        sequences={},
    )
