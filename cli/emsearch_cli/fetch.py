"""``emsearch fetch``: structures from the PDB archive into a folder."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emsearch_cli.messages import Messages
from emsearch_cli.options import Format, OutputFormat, Quiet, Verbose
from emsearch_cli.particle_progress import particle_progress
from emsearch_cli.tables import Table, write_table
from emsearch_index.errors import IncompleteError, UsageError

if TYPE_CHECKING:
    from emsearch.archive.fetching import Fetched

__all__ = ["fetch"]

_NAMED = 5


def fetch(
    identifiers: Annotated[
        list[str] | None, typer.Argument(metavar="[IDS]...", help="PDB identifiers, such as 1aon 6cvm.")
    ] = None,
    listed: Annotated[
        Path | None,
        typer.Option("--list", metavar="FILE", help="Text file of identifiers; # begins a comment."),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(
            "--query",
            metavar="CONDITIONS",
            help="Conditions that must all hold: mass_kda, resolution_angstrom, chains, residues, released, method, "
            'organism, as in "mass_kda>=250 method=em".',
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the files and their list.")
    ] = Path("structures"),
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="Take the first N entries alone.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which entries would be fetched, and fetch none.")
    ] = False,
    mirrors: Annotated[
        list[str] | None,
        typer.Option(
            "--mirror",
            metavar="URL",
            envvar="EMSEARCH_PDB_MIRRORS",
            help="A copy of the archive's pub/pdb; several are tried in turn. By default wwPDB, PDBj and PDBe.",
        ),
    ] = None,
    search_service: Annotated[
        str | None,
        typer.Option(
            "--search-service",
            metavar="URL",
            envvar="EMSEARCH_PDB_SEARCH",
            help="Where --query is asked; by default RCSB's search API.",
        ),
    ] = None,
    parallel: Annotated[int, typer.Option(min=1, max=16, metavar="N", help="Downloads side by side.")] = 4,
    rate: Annotated[
        float, typer.Option(min=0.1, max=50, metavar="N", help="Requests a second at most.")
    ] = 10.0,
    attempts: Annotated[
        int, typer.Option(min=1, max=20, metavar="N", help="Attempts at each mirror before it is given up.")
    ] = 4,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Longest silence of a server.")
    ] = 60.0,
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Fetch structures from the PDB archive, as mmCIF, by identifier or by simple criteria.

    Files that are there and whole are not fetched again, interrupted downloads go on where they stopped, and each file is
    checked before it gets its name. Afterwards: emsearch build DIR --out INDEX.
    """
    from emsearch.archive.fetching import FetchSettings, fetch_entries
    from emsearch.archive.identifiers import identifiers_of, read_identifiers
    from emsearch.archive.mirrors import MIRRORS, Mirror

    messages = Messages(verbose, quiet)
    for root in mirrors or ():
        Mirror(root)
    wanted = identifiers_of(identifiers or ())
    if listed is not None:
        wanted += read_identifiers(listed)
    if query is not None:
        wanted += _found(query, search_service, messages)
    if identifiers is None and listed is None and query is None:
        raise UsageError("nothing is asked for; give identifiers, --list FILE or --query CONDITIONS")
    wanted = list(dict.fromkeys(wanted))[:limit]
    if dry_run:
        write_table(Table.of([{"id": one} for one in wanted]), form)
        return
    settings = FetchSettings(tuple(mirrors or MIRRORS), parallel, rate, attempts, timeout)
    with particle_progress(messages) as show:
        done: list[Fetched] = []

        def report(one: "Fetched") -> None:
            done.append(one)
            show("entries", len(done), len(wanted))
            messages.detail(f"{one.id}: {one.outcome} {one.reason}".rstrip())

        found = fetch_entries(wanted, output, settings, report)
    write_table(Table.of([{**asdict(one), "path": str(one.path)} for one in found]), form)
    _sum_up(found, messages)


def _found(query: str, service: str | None, messages: Messages) -> list[str]:
    from emsearch.archive.selecting import SEARCH_ADDRESS, criteria_of, find_entries

    found = find_entries(criteria_of(query), service or SEARCH_ADDRESS)
    messages.say(f"{len(found):,} entries meet the query")
    return found


def _sum_up(found: "list[Fetched]", messages: Messages) -> None:
    counts = {outcome: [one for one in found if one.outcome == outcome] for outcome in ("fetched", "failed")}
    size = sum(one.bytes for one in counts["fetched"]) / 1e6
    there = len(found) - len(counts["fetched"]) - len(counts["failed"])
    messages.say(f"{len(counts['fetched'])} fetched ({size:.1f} MB), {there} already there")
    if counts["failed"]:
        named = "; ".join(f"{one.id} ({one.reason})" for one in counts["failed"][:_NAMED])
        more = f" and {len(counts['failed']) - _NAMED} more" if len(counts["failed"]) > _NAMED else ""
        raise IncompleteError(
            f"{len(counts['failed'])} of {len(found)} entries could not be fetched: {named}{more}; "
            "run the same command again to try those"
        )
