"""``emsearch batch``: which structures do the particles of a stack look like?"""

import dataclasses
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emsearch_cli.documents import write_document
from emsearch_cli.folders import check_folders
from emsearch_cli.messages import Messages
from emsearch_cli.options import (
    Contrast,
    DeviceName,
    Format,
    IndexDir,
    InputPixelSize,
    Quiet,
    RootDir,
    Verbose,
)
from emsearch_cli.particle_progress import particle_progress
from emsearch_cli.tables import Table, write_table
from emsearch_index.errors import IncompleteError, UsageError

if TYPE_CHECKING:
    from emsearch.batch.run import BatchReport
    from emsearch.batch.set_answers import SetAnswer
    from emsearch.batch.settings import BatchSettings
    from emsearch.batch.stack_mixture import Part
    from emsearch.particles.source import ParticleSource
    from emsearch.search.hits import Quantity

__all__ = ["BatchFormat", "Ctf", "batch"]

_WHOLE_STACK = "stack"  # what sets are made by where a report is asked for and nothing else is said


class BatchFormat(StrEnum):
    """How the answers are written."""

    PARQUET = "parquet"
    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    STAR = "star"


class Ctf(StrEnum):
    """How the contrast transfer function is corrected."""

    AUTO = "auto"
    PHASE_FLIP = "phase-flip"
    WIENER = "wiener"
    NONE = "none"


def batch(
    particles: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="Particles or class averages: RELION STAR, cryoSPARC .cs, a stack (MRC, HDF, IMAGIC, SPIDER, TIFF), or a "
            "folder of pictures.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Answers to write: .parquet, .csv, .tsv, .jsonl or .star; needed but with --dry-run.",
        ),
    ] = None,
    form: Annotated[
        BatchFormat | None,
        typer.Option(
            "--format",
            "-f",
            metavar="|".join(BatchFormat),
            case_sensitive=False,
            help="How to write the answers; without it, the suffix of --out says it.",
        ),
    ] = None,
    pixel_size: InputPixelSize = None,
    contrast: Annotated[
        Contrast,
        typer.Option(
            metavar="|".join(Contrast),
            help="Are the particles brighter or darker than their surroundings? auto decides once for the stack.",
        ),
    ] = Contrast.AUTO,
    ctf: Annotated[
        Ctf,
        typer.Option(
            metavar="|".join(Ctf), help="How to correct the CTF of particles whose optics are known."
        ),
    ] = Ctf.AUTO,
    top: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many groups to list of each particle.")
    ] = 5,
    rerank: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="How many groups to compare by projection matching, about 0.5 s a particle for 100; without it, "
            "up to 150 in a stack of up to 100 particles and none in a larger one.",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="FIELD",
            help="Also answer the particles that agree in a field together: rlnClassNumber, rlnMicrographName or any "
            "other column, or stack for all.",
        ),
    ] = None,
    match_per_set: Annotated[
        int,
        typer.Option(
            min=1, metavar="K", help="Of each set, how many images to compare by projection matching."
        ),
    ] = 30,
    mixture: Annotated[
        bool, typer.Option("--mixture", help="Also say what fractions of which groups make up the stack.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Also write a report of the sets, or of the whole stack without --by, as one HTML page.",
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Show in the report what in each set's clearest image speaks for the first hit rather than the second.",
        ),
    ] = False,
    denoised: Annotated[
        bool,
        typer.Option(
            "--denoised",
            help="Show a model's guess of the clean particle beside each set's clearest image in the report.",
        ),
    ] = False,
    cxc: Annotated[
        Path | None,
        typer.Option(
            "--cxc",
            metavar="FILE",
            help="Also write a ChimeraX script that shows the first hit of each set, or of the whole stack without --by, as "
            "its clearest image does.",
        ),
    ] = None,
    root: RootDir = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Search anew, whatever an earlier run left or finished.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say how many particles, batches, gigabytes and hours, and stop."),
    ] = False,
    index: IndexDir = None,
    device: DeviceName = "auto",
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Search every particle of a stack.

    One row a particle is written, or one a hit in CSV, TSV and JSON lines; STAR keeps all columns of the input. A run
    that was interrupted goes on where it stopped.
    """
    from emsearch.batch.planning import plan_batch
    from emsearch.batch.run import run_batch
    from emsearch.batch.settings import BatchSettings
    from emsearch.particles.source import open_particles
    from emsearch.search.engine import open_index

    if out is None and not dry_run:
        raise UsageError("no output was named; give one, as in --out hits.parquet")
    if explain and html is None:
        raise UsageError("--explain is for the report; name one with --html, or use emsearch explain")
    if denoised and html is None:
        raise UsageError("--denoised is a picture of the report; give --html FILE as well")
    messages = Messages(verbose, quiet)
    if by is None and (html or cxc):
        by = _WHOLE_STACK
    settings = BatchSettings(
        pixel_size_angstrom=pixel_size,
        contrast=contrast.value,
        ctf=ctf.value,
        top=top,
        rerank=rerank,
        by=by,
        match_per_set=match_per_set,
        mixture=mixture,
    )
    check_folders(html, cxc)
    source = open_particles(particles, root=root)
    _say_first(source, settings, messages)
    opened = open_index(index, device=device)
    if out is None or dry_run:
        write_document(dataclasses.asdict(plan_batch(opened, source, settings)), Format.TABLE)
        return
    try:
        with particle_progress(messages) as progress:
            report = run_batch(
                opened,
                source,
                out,
                settings,
                form=form.value if form else None,
                restart=restart,
                progress=progress,
            )
    except KeyboardInterrupt:
        messages.say(f"what is done is kept in {out}.part; the same command goes on from there")
        raise
    if html is not None:
        _write_page(report, html, messages, explain=explain, denoised=denoised)
    if cxc is not None:
        _write_models(report, cxc, messages)
    _tell(report, messages)


def _say_first(source: "ParticleSource", settings: "BatchSettings", messages: Messages) -> None:
    from emsearch.batch.planning import images_of_sets, seconds_to_match
    from emsearch.build.progress import duration

    for note in source.notes:
        messages.say(f"note: {note}")
    if settings.pixel_size_angstrom is None and source.pixel_size_source == "none":
        messages.say("note: no pixel size was given or found: every size is searched, which takes far longer")
    groups = settings.matched(source.count)
    seconds = seconds_to_match(source.count, groups) + seconds_to_match(images_of_sets(source, settings))
    if seconds:
        messages.say(f"projection matching will take about {duration(seconds)} on two cores")


def _write_page(
    report: "BatchReport", html: Path, messages: Messages, *, explain: bool, denoised: bool
) -> None:
    from emsearch_cli.report.of_batch import report_of_batch
    from emsearch_cli.report.page import write_report

    contents = report_of_batch(report, explain=explain)
    if denoised:
        from emsearch.denoising.weights import load_denoiser, shipped_weights
        from emsearch_cli.report.guesses import with_guesses

        contents = with_guesses(contents, load_denoiser(shipped_weights()))
    write_report(html, contents)
    messages.say(f"report: {html}")


def _write_models(report: "BatchReport", cxc: Path, messages: Messages) -> None:
    from emsearch_cli.chimerax import models_of_sets, write_chimerax

    models = models_of_sets(report.sets)
    if not models:
        messages.say("note: no set has a first hit with a pose, so nothing was written for ChimeraX")
        return
    write_chimerax(report.stack.index, models, cxc, side_by_side=len(models) > 1)
    messages.say(f"ChimeraX: {cxc}")


def _tell(report: "BatchReport", messages: Messages) -> None:
    if report.sets:
        write_table(Table.of([_set_row(answer) for answer in report.sets]), Format.TABLE)
        messages.say(f"wrote {len(report.sets):,} sets to {report.sets_output}")
    if report.mixture:
        write_table(Table.of([_part_row(part) for part in report.mixture]), Format.TABLE)
    particles = report.stack.source.count
    messages.say(f"wrote {particles:,} particles to {report.output}, contrast {report.stack.contrast}")
    for failure in report.failures:
        messages.say(f"no answer: {failure.particle}: {failure.error}")
    if report.failed:
        raise IncompleteError(
            f"{report.failed:,} of {particles:,} particles could not be searched; their rows have an error"
        )


def _set_row(answer: "SetAnswer") -> dict[str, Any]:
    return {
        "set": answer.set,
        "images": answer.images,
        "matched": answer.matched,
        "first hits": ", ".join(
            f"{hit.representative} {_chance(hit.probability)}" for hit in answer.hits[:3]
        ),
        "probability": _chance(answer.hits[0].probability) if answer.hits else None,
        "none": _chance(answer.none),
        "speaking": answer.speaking,
        "images_to_settle": answer.images_to_settle,
        "mass_kda": _rounded(answer.quantities.mass_kda) if answer.quantities else None,
        "dmax_angstrom": _rounded(answer.quantities.dmax_angstrom) if answer.quantities else None,
        "shape": answer.shapes[0][0] if answer.shapes else None,
    }


def _part_row(part: "Part") -> dict[str, Any]:
    fractions = {name: _chance(getattr(part, name)) for name in ("fraction", "low", "high")}
    return {**dataclasses.asdict(part), **fractions}


def _chance(probability: float) -> str:
    """Return a probability in three decimals, for what lies below them says nothing."""
    return f"{probability:.3f}"


def _rounded(quantity: "Quantity") -> str:
    return f"{quantity.value:.3g} ({quantity.low:.3g} to {quantity.high:.3g})"
