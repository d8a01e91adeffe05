"""``emsearch verify``: is every file of the index what its manifest says?"""

from emsearch_cli.messages import Messages
from emsearch_cli.options import Format, IndexDir, OutputFormat, Quiet, Verbose
from emsearch_cli.tables import Table, write_table
from emsearch_index.errors import IndexCorruptError

__all__ = ["verify"]


def verify(
    index: IndexDir = None,
    form: OutputFormat = Format.TABLE,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Check every file of the index.

    Each is hashed and compared with the manifest; the exit code is 4 where one is wrong.
    """
    from emsearch_index.generation import default_index_dir
    from emsearch_index.generation import verify as verify_index

    report = verify_index(index if index is not None else default_index_dir())
    rows = [[check.name, check.state, check.detail] for check in report.files]
    write_table(Table(("file", "state", "detail"), rows), form)
    wrong = [check.name for check in report.files if check.state not in ("ok", "unlisted")]
    if not report.ok:
        raise IndexCorruptError(
            f"{len(wrong)} of {len(report.files)} files of {report.generation} are not what its manifest "
            f"says ({', '.join(wrong)}): restore the index or build it again"
        )
    Messages(verbose, quiet).say(f"{report.generation}: every file is what the manifest says")
