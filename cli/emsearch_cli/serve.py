"""``emsearch serve``: the search, the catalogue and SQL as a local page."""

import ipaddress
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emsearch_cli.catalogues import opened_generation
from emsearch_cli.messages import Messages
from emsearch_cli.options import DeviceName, IndexDir, Quiet, Verbose
from emsearch_index.errors import UsageError

if TYPE_CHECKING:
    from uvicorn import Config

    from emsearch.search.engine import SearchIndex
    from emsearch_cli.web.gate import Gate

__all__ = ["serve"]

_GRACE_SECONDS = 3


def serve(
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Address to listen at; others than this machine's own need --allow-network.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="Port; 0 takes a free one.")
    ] = 8600,
    allow_network: Annotated[
        bool,
        typer.Option(
            "--allow-network",
            help="Let other machines connect: whoever has the token may search, and nothing is encrypted.",
        ),
    ] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    upload_mib: Annotated[
        int, typer.Option("--upload-mib", min=1, metavar="MIB", help="Largest file that is accepted.")
    ] = 256,
    waiting: Annotated[
        int, typer.Option(min=1, metavar="N", help="So many searches may wait; more are refused.")
    ] = 8,
    index: IndexDir = None,
    device: DeviceName = "auto",
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Serve the search as a page for the browser, and as an HTTP interface.

    The address on standard output holds a token: without it nobody gets in. Ctrl-C ends it.
    """
    messages = Messages(verbose, quiet)
    _check_host(host, allow_network, messages)
    generation = opened_generation(index)
    with _listener(host, port) as listener:
        import secrets

        from uvicorn import Server

        from emsearch_cli.web.app import create_app
        from emsearch_cli.web.settings import WebSettings

        failures: list[BaseException] = []

        def stop(error: BaseException) -> None:
            failures.append(error)
            server.should_exit = True

        def prepare(opened: "SearchIndex") -> None:
            from emsearch.search.warming import warm

            warm(opened)  # so that the first image finds everything compiled and in place
            if not server.should_exit:
                messages.say("ready")

        token = secrets.token_urlsafe(24)
        port = listener.getsockname()[1]
        app = create_app(
            generation,
            lambda: _open_index(index, device),
            token=token,
            cookie=f"emsearch-{port}",
            names=(host, socket.gethostname()),
            settings=WebSettings(upload_bytes=upload_mib << 20, waiting=waiting),
            index_option=index,
            prepare=prepare,
            failed=stop,
        )
        server = Server(_configuration(app))
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}/?token={token}"
        print(address, flush=True)
        messages.say("open this address in a browser; Ctrl-C ends the page")
        if open_page:
            _open_browser(address)
        server.run([listener])
    if failures:
        raise failures[0]
    raise KeyboardInterrupt  # which the server swallows where a shell had it ignored


def _check_host(host: str, allow_network: bool, messages: Messages) -> None:
    """Refuse an address that other machines reach, unless they are to reach it."""
    if _is_own(host):
        return
    if not allow_network:
        raise UsageError(
            f"--host {host} lets other machines connect; add --allow-network if that is meant, or leave --host out"
        )
    messages.say(
        "warning: other machines can connect; whoever learns the token may search, and nothing is encrypted"
    )


def _is_own(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        raise UsageError(
            f"port {port} of {host} cannot be used ({error.strerror}); give another --port, or 0 for a free one"
        ) from error


def _open_index(index: Path | None, device: str) -> "SearchIndex":
    from emsearch.search.engine import open_index

    return open_index(index, device=device)


def _configuration(app: "Gate") -> "Config":
    from uvicorn import Config

    return Config(
        app,
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,  # its lines would hold the token
        proxy_headers=False,
        server_header=False,
        limit_concurrency=256,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


def _open_browser(address: str) -> None:
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
