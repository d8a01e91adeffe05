"""``python -m emsearch_cli``: the same program as ``emsearch``."""

from emsearch_cli.app import app

if __name__ == "__main__":
    app(prog_name="emsearch")
