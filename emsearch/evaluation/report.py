"""An evaluation as one HTML page that needs nothing else: no scripts, no network, pictures inside."""

import base64
from collections.abc import Callable, Sequence
from html import escape

from emsearch.evaluation.confusion import Confusion, confused_pairs, confusion_matrix
from emsearch.evaluation.discrimination import Bin
from emsearch.evaluation.figures import accuracy_figure, confusion_figure, level_name, reliability_figure
from emsearch.evaluation.known import KnownScore, known_scores, reliability_of
from emsearch.evaluation.noise_alone import noise_score
from emsearch.evaluation.protocol import Evaluation, Protocol
from emsearch.evaluation.scores import ALL_CLASSES, PoseScore, Score, pose_scores, scores_of
from emsearch.search.engine import SearchIndex

__all__ = ["html_report"]

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; color: #1a1a1a; }
table { border-collapse: collapse; margin: 1em 0; font-size: 13px; }
th, td { padding: 0.25em 0.7em; border-bottom: 1px solid #ddd; text-align: left; }
th { border-bottom: 2px solid #888; }
img { max-width: 100%; }
.note { color: #555; }
"""

_UNKNOWN_NOTE = (
    "Each image is judged as it is and with its own group struck from the candidates; the logistic is fitted on images of "
    "other groups, and the index's own calibration stands beside. The network has been trained on the struck groups too, "
    "and their relatives stay in the index."
)


def html_report(index: SearchIndex, protocol: Protocol, evaluation: Evaluation) -> str:
    """Return the page."""
    scores = scores_of(evaluation.queries)
    by_class = [s for s in scores_of(evaluation.queries, by_class=True) if s.size_class != ALL_CLASSES]
    parts = [
        f"<h1>Evaluation of {escape(index.generation.name)}</h1>",
        _settings(index, protocol, evaluation),
        "<h2>How often the right group comes first</h2>",
        _note(
            "Share of images with 95 % intervals (Wilson). The ceilings are exhaustive matching of the same images."
        ),
        _pivot(scores, lambda s: _share(s.top1, s.top1_low, s.top1_high)),
        _picture(accuracy_figure(scores), "accuracy against the signal-to-noise ratio"),
        "<h2>... and among the first three</h2>",
        _pivot(scores, lambda s: _share(s.top3, s.top3_low, s.top3_high)),
        "<h2>Seconds per image</h2>",
        _pivot(scores, lambda s: f"{s.seconds_per_image:.3g}"),
        "<h2>By size class: right group first</h2>",
        _pivot(by_class, lambda s: f"{_share(s.top1, s.top1_low, s.top1_high)}, n = {s.images}"),
        *_poses(pose_scores(evaluation.queries)),
        *_confusions(index, evaluation),
        *_known(evaluation),
    ]
    return _page("\n".join(parts))


def _page(body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>emsearch evaluation</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'


def _picture(png: bytes, what: str) -> str:
    return f'<p><img alt="{escape(what)}" src="data:image/png;base64,{base64.b64encode(png).decode()}"></p>'


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"


def _settings(index: SearchIndex, protocol: Protocol, evaluation: Evaluation) -> str:
    rows = [
        ("index", f"{len(index.groups)} groups, {len(index.structures)} structures"),
        ("images of each set and level", protocol.images),
        ("groups tested", protocol.groups),
        ("groups matched", protocol.rerank),
        ("seed", protocol.seed),
    ]
    return _table(("setting", "value"), rows) + "\n" + "\n".join(_note(line) for line in evaluation.left_out)


def _share(value: float, low: float, high: float) -> str:
    return f"{value:.2f} ({low:.2f}-{high:.2f})"


def _pivot(scores: Sequence[Score], cell: Callable[[Score], str]) -> str:
    """Return a table of one row a set, noise level and size class, one column an answer."""
    answers = list(dict.fromkeys(s.answer for s in scores))
    rows: dict[tuple[str, float, str], dict[str, Score]] = {}
    for s in scores:
        rows.setdefault((s.set, s.snr, s.size_class), {})[s.answer] = s
    lines = [
        [name, level_name(snr), size_class, *(cell(found[a]) if a in found else "" for a in answers)]
        for (name, snr, size_class), found in rows.items()
    ]
    return _table(("set", "SNR", "size class", *answers), lines)


def _poses(scores: Sequence[PoseScore]) -> list[str]:
    rows = [
        (
            s.set,
            level_name(s.snr),
            s.poses,
            f"{s.direction_median_degrees:.1f}",
            f"{s.in_plane_median_degrees:.1f}",
            f"{s.shift_median_angstrom:.1f}",
            f"{s.direction_under_10_degrees:.2f}",
        )
        for s in scores
    ]
    columns = ("set", "SNR", "images", "direction", "in plane", "shift in A", "direction under 10 degrees")
    note = "Medians in degrees, modulo the molecule's symmetry, of images whose group was named first after matching."
    return ["<h2>Pose</h2>", _note(note), _table(columns, rows)]


def _confusions(index: SearchIndex, evaluation: Evaluation) -> list[str]:
    pairs = confused_pairs(index, evaluation.queries)
    if not pairs:
        return ["<h2>Confusion</h2>", _note("No group was taken for another after matching.")]
    names, matrix = confusion_matrix(evaluation.queries)
    note = (
        "All sets but unknown, all noise levels, after matching. Similarity is the overlap of the two representatives; "
        "empty where the catalogue did not compare them."
    )
    return [
        "<h2>Confusion</h2>",
        _note(note),
        _picture(confusion_figure(names, matrix), "which groups are taken for which"),
        _table(("truth", "", "taken for", "", "times", "of images", "similarity"), [_pair(p) for p in pairs]),
    ]


def _pair(p: Confusion) -> tuple[object, ...]:
    similarity = "" if p.similarity is None else f"{p.similarity:.3f}"
    return p.group, p.representative, p.taken_for, p.taken_for_representative, p.count, p.images, similarity


def _known(evaluation: Evaluation) -> list[str]:
    if not evaluation.judged:
        return []
    bins = reliability_of(evaluation.judged)
    return [
        "<h2>In the database or not</h2>",
        _note(_UNKNOWN_NOTE),
        _table(
            (
                "SNR",
                "size class",
                "images",
                "groups",
                "AUROC",
                "calibration error",
                "false accepts at 0.5",
                "missed at 0.5",
                "undecided among",
                "right one held",
                "AUROC, own calibration",
                "its calibration error",
            ),
            [_known_row(s) for s in known_scores(evaluation.judged, by_class=True)],
        ),
        *_noise(evaluation),
        _picture(reliability_figure(bins), "reliability diagram"),
        _table(("probability", "images", "claimed", "held"), [_bin(b) for b in bins if b.count]),
    ]


def _noise(evaluation: Evaluation) -> list[str]:
    if not evaluation.noise:
        return []
    score = noise_score(evaluation.noise)
    accepted = _share(score.false_accept, score.false_accept_low, score.false_accept_high)
    particles = _share(score.taken_for_particle, score.taken_for_particle_low, score.taken_for_particle_high)
    return [
        _note(
            f"Of {score.images} images of noise alone a share of {accepted} is taken for a molecule of the index at 0.5, "
            f"and {particles} for a particle."
        )
    ]


def _known_row(s: KnownScore) -> tuple[object, ...]:
    return (
        level_name(s.snr),
        s.size_class,
        s.images,
        s.groups,
        _share(s.auroc, s.auroc_low, s.auroc_high),
        _share(s.ece, s.ece_low, s.ece_high),
        _share(s.false_accept, s.false_accept_low, s.false_accept_high),
        _share(s.missed, s.missed_low, s.missed_high),
        f"{s.undecided:g}",
        f"{s.held:.2f}",
        f"{s.auroc_own:.2f}",
        f"{s.ece_own:.2f}",
    )


def _bin(b: Bin) -> tuple[object, ...]:
    return f"{b.low:.1f}-{b.high:.1f}", b.count, f"{b.claimed:.2f}", f"{b.held:.2f}"
