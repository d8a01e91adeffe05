"""New structures and their groups as rows of the catalogue of an index that stands."""

from collections.abc import Sequence

from emsearch.build.adding.files import Offers
from emsearch.build.adding.groups import Home
from emsearch.build.adding.pairs import Comparisons
from emsearch.build.group_tables import group_tables
from emsearch.build.rows import chain_rows, structure_row
from emsearch.build.settings import BuildSettings
from emsearch_index.catalogue import Catalogue

__all__ = ["forget_structure", "write_groups", "write_left_out", "write_similarities", "write_structures"]


def write_structures(catalogue: Catalogue, offers: Offers) -> None:
    """Write the new structures and their chains."""
    for source, structure in offers.fresh.values():
        catalogue.upsert("structures", [structure_row(structure, source.name)])
        catalogue.upsert("chains", chain_rows(structure))


def forget_structure(catalogue: Catalogue, structure: str) -> None:
    """Delete a new structure that is left out after all."""
    catalogue.delete("chains", structure_id=structure)
    catalogue.delete("structures", id=structure)


def write_left_out(catalogue: Catalogue, offers: Offers) -> None:
    """Write which files are left out, and strike from that list those that are taken now."""
    for source, _ in offers.fresh.values():
        catalogue.delete("left_out", source=source.name)
    catalogue.upsert(
        "left_out",
        [
            {"source": one.source.name, "source_sha256": one.source.sha256, "reason": one.reason}
            for one in offers.left_out
        ],
    )


def write_similarities(catalogue: Catalogue, comparisons: Comparisons, structures: Sequence[str]) -> None:
    """Write the compared pairs of which both are among the structures."""
    known = set(structures)
    catalogue.upsert(
        "similarities",
        [
            {"structure_a": a, "structure_b": b, "score": found.score}
            for (a, b), found in comparisons.superpositions.items()
            if a in known and b in known
        ],
    )


def write_groups(
    catalogue: Catalogue, homes: Sequence[Home], comparisons: Comparisons, settings: BuildSettings
) -> None:
    """Write new groups and their members, the new members of old groups, and where every new structure belongs."""
    poses = {
        (home.shape.medoid, member): comparisons.pose(home.shape.medoid, member)
        for home in homes
        for member in home.shape.members
        if member != home.shape.medoid
    }
    tables = group_tables(
        catalogue, [home.shape for home in homes], poses, comparisons.resolution_angstrom, settings
    )
    home_of = {row["id"]: home for row, home in zip(tables["groups"], homes, strict=True)}
    new = {name for home in homes for name, _ in home.newcomers}
    for row in tables["groups"]:
        home = home_of[row["id"]]
        if home.new:
            row |= {"id": home.id, "size_class": home.size_class.name}
            catalogue.upsert("groups", [row])
        else:
            before = catalogue.rows("SELECT members FROM groups WHERE id = ?", [home.id])[0]["members"]
            catalogue.upsert("groups", [{"id": home.id, "members": before + len(home.newcomers)}])
    members = [row for row in tables["group_members"] if row["structure_id"] in new]
    catalogue.upsert("group_members", [{**row, "group_id": home_of[row["group_id"]].id} for row in members])
    structures = [row for row in tables["structures"] if row["id"] in new]
    catalogue.upsert("structures", [_with_home(row["id"], home_of[row["group_id"]]) for row in structures])


def _with_home(structure: str, home: Home) -> dict[str, str]:
    return {"id": structure, "group_id": home.id, "size_class": home.size_class.name}
