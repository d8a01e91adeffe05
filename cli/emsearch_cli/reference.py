"""The reference of the command line as Markdown: ``python -m emsearch_cli.reference``.

The page in ``docs/reference/cli.md`` is this program's output, and a test compares the two.
"""

from typing import Any

import typer

from emsearch_cli.app import app

__all__ = ["reference"]

_START = """# Command line

*Made from the help texts by `python -m emsearch_cli.reference`; change those, not this page.*

Data goes to standard output, everything else to standard error. What a command returns to the shell is in
[exit-codes.md](exit-codes.md). `NO_COLOR` turns colours off.
"""


def reference() -> str:
    """Return the whole page."""
    program: Any = typer.main.get_command(app)  # Any: Typer's own copy of Click has no public types
    top = ["## emsearch", _usage("emsearch", program), program.help.strip(), _options(program)]
    verbs = [_verb(name, command) for name, command in program.commands.items()]
    return "\n\n".join([_START.strip(), *top, *verbs]) + "\n"


def _verb(name: str, command: Any) -> str:
    parts = [f"## emsearch {name}", _usage(f"emsearch {name}", command), command.help.strip()]
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    if arguments:
        rows = [f"| `{_metavar(argument)}` | {_escaped(argument.help)} |" for argument in arguments]
        parts.append("\n".join(["| argument | |", "|---|---|", *rows]))
    return "\n\n".join([*parts, _options(command)])


def _usage(name: str, command: Any) -> str:
    words = [name]
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            words.append(_metavar(parameter) if parameter.required else f"[{_metavar(parameter)}]")
        elif parameter.required:
            words.append(f"{parameter.opts[0]} {_metavar(parameter)}")
    words.append("[OPTIONS]")
    if hasattr(command, "commands"):
        words.append("VERB")
    return "```text\n" + " ".join(words) + "\n```"


def _options(command: Any) -> str:
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    rows = [f"| `{_names(option)}` | {_escaped(_explained(option))} |" for option in options]
    return "\n".join(["| option | |", "|---|---|", *rows])


def _names(option: Any) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    takes_value = not (option.is_flag or option.count)
    return _escaped(f"{names} {_metavar(option)}" if takes_value else names)


def _explained(option: Any) -> str:
    text = option.help or ""
    default = option.default
    if default is not None and not option.is_flag and not option.count and not callable(default):
        text += f" Default: `{default}`."
    if option.envvar:
        text += f" Environment: `{option.envvar}`."
    return text


def _metavar(parameter: Any) -> str:
    if parameter.metavar:
        return str(parameter.metavar)
    return str(parameter.name).upper()


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    print(reference(), end="")
