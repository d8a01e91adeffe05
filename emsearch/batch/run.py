"""A stack in, a file of answers out: what is done is kept, what is missing is searched, and the rest is assembled."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from emsearch.batch.answers import answer_chunk
from emsearch.batch.chunks import Chunk, chunk_particles
from emsearch.batch.identity import input_identity
from emsearch.batch.outputs import format_of, write_rows
from emsearch.batch.parts import Parts, parts_folder
from emsearch.batch.rows import kept_rows
from emsearch.batch.set_answers import SetAnswer, answer_sets, set_rows
from emsearch.batch.set_quantities import KeptQuantities
from emsearch.batch.sets import sets_by
from emsearch.batch.settings import BatchSettings
from emsearch.batch.shares import KeptShares
from emsearch.batch.stack_mixture import Part, mixture_of_stack
from emsearch.batch.stack_search import StackSearch, contrast_of_stack
from emsearch.batch.star import check_star
from emsearch.network.ahead import ahead
from emsearch.particles.source import ParticleSource
from emsearch.search.engine import SearchIndex
from emsearch_index.errors import UsageError

__all__ = ["BatchReport", "Failure", "run_batch"]

_FAILURES_NAMED = 10
_READ_AHEAD = 2  # chunks
_JOB = "job"  # the note that says what the parts are of


Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Failure:
    """A particle without an answer, and why."""

    particle: str
    error: str


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a batch wrote: ``failed`` particles have an error in their rows, the first of them are ``failures``.

    The answers of ``sets`` are in ``sets_output`` too, ``mixture`` is what the stack is made of; both are empty unless
    asked for.
    """

    stack: StackSearch
    output: Path
    failed: int
    failures: tuple[Failure, ...]
    sets_output: Path
    sets: tuple[SetAnswer, ...] = ()
    mixture: tuple[Part, ...] = ()


def run_batch(
    index: SearchIndex,
    source: ParticleSource,
    output: Path,
    settings: BatchSettings | None = None,
    *,
    form: str | None = None,
    restart: bool = False,
    progress: Progress = lambda what, done, of: None,
) -> BatchReport:
    """Search every particle of a source and write a row for each.

    The answers are kept chunk by chunk in ``OUTPUT.part``, so that the same call goes on where another was stopped, and
    renamed to ``output`` at the end. Memory does not grow with the number of particles, but for the source's own table.

    Parameters
    ----------
    output : Path
    form : {"parquet", "csv", "tsv", "jsonl", "star"}, optional
        By default that of the output's suffix.
    restart : bool
        Begin anew, whatever is there.
    progress : callable
        Told how many "particles", "sets" and "images of the mixture" are done, those of an earlier call among them,
        and of how many.

    Raises
    ------
    UsageError
        The output is there already, or parts of a batch of another input, other settings or another index.
    """
    settings = settings or BatchSettings()
    form = format_of(output, form)
    _check_output(output, restart)
    if form == "star":
        check_star(source)
    sets = sets_by(source, settings.by) if settings.by is not None else None
    with Parts.held(output, restart=restart) as parts:
        stack = _begin(parts, index, source, settings, output)
        _search(stack, parts, progress)
        report = _report(stack, parts, output)
        shares = KeptShares(parts, stack.chunks)
        if sets is not None:
            read = KeptQuantities(parts.tables(len(stack.chunks)))
            answers = answer_sets(stack, sets, shares, read, parts, partial(progress, "sets"))
            report = replace(report, sets=tuple(answers))
            parts.publish(partial(pq.write_table, set_rows(answers)), report.sets_output)
        if settings.mixture:
            told = partial(progress, "images of the mixture")
            report = replace(report, mixture=mixture_of_stack(stack, shares, parts, told))
        tables = parts.tables(len(stack.chunks))
        parts.publish(lambda path: write_rows(tables, path, form, source), output)
        parts.discard()
    return report


def _check_output(output: Path, restart: bool) -> None:
    if not output.parent.is_dir():
        raise UsageError(f"there is no folder {output.parent} to write {output.name} to; make it first")
    if output.exists() and not restart and not parts_folder(output).exists():
        raise UsageError(f"{output} is there already; give another --out, or --restart to search anew")


def _begin(
    parts: Parts, index: SearchIndex, source: ParticleSource, settings: BatchSettings, output: Path
) -> StackSearch:
    """Begin the search of a stack, or go on with the one that is there if it is the same."""
    job = {"input": input_identity(source), "index": index.generation.name, "settings": settings.to_json()}
    begun: dict[str, Any] | None = parts.note(_JOB)
    if begun is None:
        size = chunk_particles(source, settings)
        contrast = contrast_of_stack(index, source, settings, _chunks(source.count, size))
        begun = {**job, "contrast": contrast, "chunk_particles": size}
        parts.keep(_JOB, begun)
    other = [name for name in job if begun[name] != job[name]]
    if other:
        raise UsageError(
            f"{parts_folder(output)} holds a batch of another {' and another '.join(other)}; repeat that command to go "
            "on with it, or give --restart to begin anew"
        )
    chunks = _chunks(source.count, begun["chunk_particles"])
    return StackSearch(index, source, settings, begun["contrast"], chunks)


def _chunks(particles: int, size: int) -> tuple[range, ...]:
    return tuple(range(first, min(first + size, particles)) for first in range(0, particles, size))


def _search(stack: StackSearch, parts: Parts, progress: Progress) -> None:
    """Answer the chunks that are missing; a thread reads them ahead of the network."""
    missing = parts.missing(len(stack.chunks))
    particles = stack.source.count
    done = particles - sum(len(stack.chunks[number]) for number in missing)
    progress("particles", done, particles)

    def read(step: int) -> Chunk:
        return stack.read(stack.chunks[missing[step]])

    top, rerank = stack.settings.top, stack.settings.matched(particles)
    with closing(ahead(read, 0, len(missing), most=_READ_AHEAD)) as chunks:
        for number, chunk in zip(missing, chunks, strict=True):
            answered = answer_chunk(stack.index, chunk, stack.contrast, top=top, rerank=rerank)
            share = answered.share if stack.settings.shares_kept else None
            parts.add(number, kept_rows(answered, stack.source.name), share)
            done += len(chunk.rows)
            progress("particles", done, particles)


def _report(stack: StackSearch, parts: Parts, output: Path) -> BatchReport:
    failures: list[Failure] = []
    failed = 0
    for table in parts.tables(len(stack.chunks)):
        bad: pa.Table = table.filter(pc.is_valid(table.column("error"))).select(["particle", "error"])
        failed += len(bad)
        failures += [Failure(**row) for row in bad.slice(0, _FAILURES_NAMED - len(failures)).to_pylist()]
    return BatchReport(
        stack=stack,
        output=output,
        failed=failed,
        failures=tuple(failures),
        sets_output=output.with_suffix(".sets.parquet"),
    )
