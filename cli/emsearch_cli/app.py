"""The Typer application: one verb a module, assembled here."""

from typing import Annotated

import typer

from emsearch import __version__
from emsearch_cli.add import add
from emsearch_cli.batch import batch
from emsearch_cli.build import build
from emsearch_cli.calibrate import calibrate
from emsearch_cli.denoise import denoise
from emsearch_cli.evaluate import evaluate
from emsearch_cli.explain import explain
from emsearch_cli.fetch import fetch
from emsearch_cli.fit import fit
from emsearch_cli.groups import groups
from emsearch_cli.guard import GuardedCommand
from emsearch_cli.info import info
from emsearch_cli.map import map
from emsearch_cli.query import query
from emsearch_cli.serve import serve
from emsearch_cli.show import show
from emsearch_cli.simulate import simulate
from emsearch_cli.sql import sql
from emsearch_cli.train_denoiser import train_denoiser
from emsearch_cli.verify import verify

__all__ = ["app"]

app = typer.Typer(
    name="emsearch",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,  # plain help: laying it out with rich would double the time of --help
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"emsearch {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Name the PDB structures that a particle in the electron microscope looks like."""


for _verb in (
    query,
    batch,
    explain,
    denoise,
    fit,
    fetch,
    build,
    add,
    simulate,
    sql,
    groups,
    show,
    serve,
    map,
    info,
    verify,
    evaluate,
    calibrate,
    train_denoiser,
):
    app.command(cls=GuardedCommand)(_verb)
