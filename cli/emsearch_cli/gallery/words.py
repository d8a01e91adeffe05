"""Measures as a reader wants them: few digits, and units that suit the size."""

from emsearch.gallery.cards import Card

__all__ = ["MASS_BINS", "angstrom_text", "headline", "mass_bin", "mass_text", "measure_rows", "shortened"]

_MASS_EDGES_KDA = (100, 150, 250, 500, 1000, 5000)
MASS_BINS = (
    "below 100 kDa",
    "100-150 kDa",
    "150-250 kDa",
    "250-500 kDa",
    "0.5-1 MDa",
    "1-5 MDa",
    "above 5 MDa",
)
"""Masses that share a colour, lightest first."""


def mass_bin(mass_kda: float) -> int:
    """Return the place of a mass in `MASS_BINS`.

    >>> MASS_BINS[mass_bin(870.0)]
    '0.5-1 MDa'
    """
    return sum(mass_kda >= edge for edge in _MASS_EDGES_KDA)


def mass_text(mass_kda: float) -> str:
    """Return a mass in kDa, from ten thousand on in MDa.

    >>> mass_text(306.6), mass_text(230_235.0)
    ('307 kDa', '230 MDa')
    """
    return f"{mass_kda:.0f} kDa" if mass_kda < 10_000 else f"{mass_kda / 1000:.3g} MDa"


def angstrom_text(length_angstrom: float) -> str:
    """Return a length in whole A.

    >>> angstrom_text(121.76)
    '122 Å'
    """
    return f"{length_angstrom:,.0f} Å"


def shortened(text: str, characters: int) -> str:
    """Return a text on one line, cut at the length given."""
    text = " ".join(text.split())
    return text if len(text) <= characters else text[: characters - 1].rstrip() + "…"


def headline(card: Card) -> str:
    """Return what a card is of, in one line."""
    if card.kind == "group":
        others = f", {len(card.members)} members" if len(card.members) > 1 else ", one member"
        return f"Shape group {card.id}: {card.structure}{others}"
    return f"{card.id}" + (f", of shape group {card.group}" if card.group else "")


def measure_rows(card: Card) -> list[tuple[str, str]]:
    """Return the measures that are known, each with its name."""
    m = card.measures
    rows = [
        ("mass", None if m.mass_kda is None else mass_text(m.mass_kda)),
        ("Dmax", None if m.dmax_angstrom is None else angstrom_text(m.dmax_angstrom)),
        ("radius of gyration", None if m.rg_angstrom is None else angstrom_text(m.rg_angstrom)),
        ("anisotropy", None if m.anisotropy is None else f"{m.anisotropy:.2f} (0 isotropic, 1 rod)"),
        ("symmetry", m.symmetry),
        ("volume", None if m.volume_angstrom3 is None else f"{m.volume_angstrom3 / 1000:,.0f} nm³"),
        ("chains", None if m.chains is None else f"{m.chains:,}"),
        ("residues", None if m.residues is None else f"{m.residues:,}"),
        ("size class", card.size_class),
        ("method", m.method),
        ("resolution", None if m.resolution_angstrom is None else f"{m.resolution_angstrom:.3g} Å"),
        ("organism", m.organism),
    ]
    return [(name, value) for name, value in rows if value]
