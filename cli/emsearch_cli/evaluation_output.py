"""What ``emsearch evaluate`` found, on standard output and in files."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emsearch_cli.documents import write_document
from emsearch_cli.options import Format
from emsearch_cli.tables import Table, write_table

if TYPE_CHECKING:
    from emsearch.evaluation.known import KnownScore
    from emsearch.evaluation.noise_alone import NoiseScore
    from emsearch.evaluation.protocol import Evaluation, Protocol
    from emsearch.evaluation.scores import PoseScore, Score
    from emsearch.search.engine import SearchIndex

__all__ = ["OutputFiles", "write_figures", "write_files"]

_Key = tuple[str, float | None, str, str]  # set, SNR, size class and answer of a row
_NOISE: _Key = ("noise", 0.0, "all", "re-ranked")


@dataclasses.dataclass(frozen=True, slots=True)
class OutputFiles:
    """Where to write what, each None where it is not asked for."""

    parquet: Path | None
    html: Path | None
    png: Path | None
    mistakes: Path | None

    @property
    def asked_for(self) -> list[Path]:
        """Return the files that are to be written."""
        return [p for p in (self.parquet, self.html, self.png, self.mistakes) if p is not None]


def write_figures(evaluation: "Evaluation", form: Format, by_class: bool) -> None:
    """Write recognition, poses and "in the database": three tables for people, else one row an answer with all of it."""
    from emsearch.evaluation.known import known_scores
    from emsearch.evaluation.noise_alone import noise_score
    from emsearch.evaluation.scores import pose_scores, scores_of

    scores = scores_of(evaluation.queries, by_class=by_class)
    poses = pose_scores(evaluation.queries, by_class=by_class)
    known = known_scores(evaluation.judged, by_class=by_class)
    noise = noise_score(evaluation.noise) if evaluation.noise else None
    if form is not Format.TABLE:
        write_table(Table.of([_named_level(row, form) for row in _joined(scores, poses, known, noise)]), form)
        return
    sections: dict[str, Sequence[Any]] = {"recognition": scores, "poses": poses, "in_database": known}
    document = {
        name: Table.of([_named_level(dataclasses.asdict(row), form) for row in rows])
        for name, rows in sections.items()
    }
    if noise:
        document["noise_alone"] = Table.of([dataclasses.asdict(noise)])
    write_document(document, form)


def _named_level(row: dict[str, Any], form: Format) -> dict[str, Any]:
    """Put "clean" and "all" for noise levels that are no numbers, but in Parquet, whose columns have one type."""
    from emsearch.evaluation.figures import level_name

    snr = row["snr"]
    if form is Format.PARQUET or (snr is not None and math.isfinite(snr)):
        return row
    return {**row, "snr": level_name(snr)}


def _joined(
    scores: "Sequence[Score]",
    poses: "Sequence[PoseScore]",
    known: "Sequence[KnownScore]",
    noise: "NoiseScore | None",
) -> list[dict[str, Any]]:
    """Return one row an answer; poses and "in the database" stand in the rows of "re-ranked" and are None elsewhere.

    What holds of all levels together is a row of its own, without recognition, and so are images of noise alone.
    """
    from emsearch.evaluation.known import KnownScore
    from emsearch.evaluation.noise_alone import NoiseScore
    from emsearch.evaluation.scores import PoseScore, Score
    from emsearch.evaluation.sets import UNKNOWN

    pose_of: dict[_Key, PoseScore] = {(p.set, p.snr, p.size_class, "re-ranked"): p for p in poses}
    noise_of: dict[_Key, NoiseScore] = {_NOISE: noise} if noise else {}
    known_of: dict[_Key, KnownScore] = {(UNKNOWN, k.snr, k.size_class, "re-ranked"): k for k in known}
    score_of: dict[_Key, Score] = {(s.set, s.snr, s.size_class, s.answer): s for s in scores}
    rows = []
    for key in dict.fromkeys([*score_of, *known_of, *noise_of]):
        row: dict[str, Any] = dict(zip(("set", "snr", "size_class", "answer"), key, strict=True))
        for kind, found in (
            (Score, score_of.get(key)),
            (PoseScore, pose_of.get(key)),
            (KnownScore, known_of.get(key)),
            (NoiseScore, noise_of.get(key)),
        ):
            for field in dataclasses.fields(kind):
                if row.get(field.name) is None:
                    row[field.name] = getattr(found, field.name, None)
        rows.append(row)
    return rows


def write_files(
    index: "SearchIndex", protocol: "Protocol", evaluation: "Evaluation", files: OutputFiles
) -> list[Path]:
    """Write what was asked for, and return the paths."""
    if files.parquet is not None:
        from emsearch.evaluation.query_table import write_queries

        write_queries(evaluation.queries, files.parquet)
    if files.html is not None:
        from emsearch.evaluation.report import html_report

        files.html.write_text(html_report(index, protocol, evaluation), encoding="utf-8")
    if files.png is not None:
        from emsearch.evaluation.figures import accuracy_figure
        from emsearch.evaluation.scores import scores_of

        files.png.write_bytes(accuracy_figure(scores_of(evaluation.queries)))
    if files.mistakes is not None:
        from emsearch.evaluation.mistakes import draw_mistakes, mistakes_figure

        files.mistakes.write_bytes(mistakes_figure(draw_mistakes(index, protocol, evaluation)))
    return files.asked_for
