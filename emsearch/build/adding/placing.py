"""New structures to places: bead models compared, old groups joined, new groups made, and all of it in the catalogue."""

from collections.abc import Callable
from pathlib import Path

from emsearch.build.adding.beads import join_bead_archives
from emsearch.build.adding.files import Offers
from emsearch.build.adding.groups import (
    Home,
    OldGroup,
    join_old_groups,
    make_new_groups,
    read_classes,
    read_old_groups,
)
from emsearch.build.adding.pairs import compare_with_all, of_alike_extents
from emsearch.build.adding.tables import (
    forget_structure,
    write_groups,
    write_left_out,
    write_similarities,
    write_structures,
)
from emsearch.build.settings import BuildSettings
from emsearch.build.workspace import Workspace
from emsearch.structures.beads import BeadArchive, write_bead_archive
from emsearch_index.catalogue import Catalogue

__all__ = ["place_structures"]


def place_structures(
    catalogue: Catalogue,
    old_beads: Path,
    workspace: Workspace,
    offers: Offers,
    settings: BuildSettings,
    report: Callable[[str], None],
) -> list[Home]:
    """Find each new structure its group, write all of that to the catalogue, and leave bead models in the work folder.

    A structure that only a group of smaller size would take in is moved to those left out.

    Returns
    -------
    list of Home
        The groups that take new structures in: old ones, then new ones.
    """
    archive = BeadArchive(old_beads)
    fresh = sorted(offers.fresh)
    write_structures(catalogue, offers)
    new, compared = workspace.root / "new.npz", workspace.root / "compared.npz"
    write_bead_archive(new, ((name, offers.fresh[name][1].beads) for name in fresh))
    join_bead_archives(compared, [(archive, of_alike_extents(catalogue, fresh)), (BeadArchive(new), fresh)])
    comparisons = compare_with_all(catalogue, compared, fresh, settings.workers, report)
    classes = read_classes(catalogue)
    groups = read_old_groups(catalogue, classes)
    dmax = {name: offers.fresh[name][1].features.dmax_angstrom for name in fresh}
    homes, too_large = join_old_groups(dmax, groups, comparisons, settings.threshold)
    for name, group in too_large.items():
        offers.leave_out(name, _why_too_large(dmax[name], group))
        forget_structure(catalogue, name)
    placed = {name for home in homes for name, _ in home.newcomers}
    rest = {name: dmax[name] for name in offers.fresh if name not in placed}
    if rest:
        homes += make_new_groups(rest, groups, list(classes.values()), comparisons, settings.threshold)
    write_similarities(catalogue, comparisons, [*archive, *offers.fresh])
    write_groups(catalogue, homes, comparisons, settings)
    write_left_out(catalogue, offers)
    join_bead_archives(workspace.beads, [(archive, list(archive)), (BeadArchive(new), sorted(offers.fresh))])
    return homes


def _why_too_large(dmax_angstrom: float, group: OldGroup) -> str:
    return (
        f"has the shape of {group.id}, whose size class {group.size_class.name} ends at "
        f"{group.size_class.dmax_max_angstrom:g} A, below its Dmax of {dmax_angstrom:.0f} A; build the index anew to "
        "take it in."
    )
