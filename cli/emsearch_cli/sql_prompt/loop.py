"""The prompt itself: it reads, has what was typed answered, and reads again until the user leaves."""

import contextlib
from pathlib import Path

import typer
from platformdirs import user_state_path
from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.filters import completion_is_selected
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from emsearch_cli.guard import guarded
from emsearch_cli.messages import Messages
from emsearch_cli.options import Format
from emsearch_cli.sql_answers import SqlTarget
from emsearch_cli.sql_prompt.commands import Conversation
from emsearch_cli.sql_prompt.completion import SqlCompleter
from emsearch_cli.sql_prompt.statement_end import is_whole

__all__ = ["converse"]

_PROMPT = "emsearch> "
_GOES_ON = "     ...> "


def converse(target: SqlTarget, form: Format) -> None:
    """Ask for statements and commands on the terminal until Ctrl-D or ``.quit``.

    Ctrl-C drops the line, or stops the statement that runs; what fails is said and leaves the prompt standing.
    """
    conversation = Conversation(target, form)
    session: PromptSession[str] = PromptSession(
        _PROMPT,
        multiline=True,
        prompt_continuation=_GOES_ON,
        history=_history(target.messages),
        completer=SqlCompleter(target.hits is not None),
        auto_suggest=AutoSuggestFromHistory(),
        key_bindings=_keys(),
    )
    target.messages.say("A statement ends with a semicolon; .help says what else there is.")
    while not conversation.ended:
        try:
            text = session.prompt()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        with contextlib.suppress(typer.Exit), guarded(target.messages.verbose):
            conversation.take(text)


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter", filter=completion_is_selected)
    def _take_completion(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None

    @keys.add("enter", filter=~completion_is_selected)
    def _send_or_go_on(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_whole(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return keys


def _history(messages: Messages) -> History:
    """Return what was typed before, of all runs; of this run alone where there is no place to keep it."""
    try:
        path = _history_file()
    except OSError as error:
        messages.say(f"what you type is not kept for the next time: {error}")
        return InMemoryHistory()
    return FileHistory(path)


def _history_file() -> Path:
    path = user_state_path("emsearch") / "sql-history"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    return path
