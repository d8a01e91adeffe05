"""A process that runs the blocks of the documentation one after the other, so that heavy libraries are loaded once.

``python -m tests.docs_worker serve SOCKET`` answers requests until it is told to end; ``run``, below, sends one from a
shell in which ``emsearch`` is this file. What it runs writes to the standard output and error of whoever asked.
"""

import json
import os
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

__all__ = ["ask", "client_program", "serve"]

_CHUNK = 2**16


def client_program(socket_path: Path) -> str:
    """Return a program ``emsearch`` that has the worker run its arguments, and exits as they do."""
    return (
        f"#!{sys.executable} -IS\n"
        "import json, os, socket, sys\n"
        "asked = {'arguments': sys.argv[1:], 'folder': os.getcwd(), 'environment': dict(os.environ)}\n"
        "with socket.socket(socket.AF_UNIX) as s:\n"
        f"    s.connect({str(socket_path)!r})\n"
        "    socket.send_fds(s, [json.dumps(asked).encode()], [1, 2])\n"
        "    s.shutdown(socket.SHUT_WR)\n"
        "    sys.exit(int(s.recv(8)))\n"
    )


def ask(socket_path: Path, request: dict[str, Any], output: int) -> int:
    """Have the worker serve a request, its output and errors going to a descriptor; return its exit code."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(socket_path))
        socket.send_fds(connection, [json.dumps(request).encode()], [output, output])
        connection.shutdown(socket.SHUT_WR)
        return int(connection.recv(8))


def serve(socket_path: Path) -> None:
    """Serve requests, each ``{"folder", "environment", "arguments"}`` for the command line or ``{..., "python", "page"}``.

    Python blocks of one page share their variables.
    """
    variables: dict[str, dict[str, Any]] = {}
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(socket_path))
        listening.listen()
        while True:
            connection, _ = listening.accept()
            with connection:
                request, descriptors = _receive(connection)
                code = _with_output(descriptors, request, variables)
                connection.sendall(str(code).encode())


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    content, descriptors, _, _ = socket.recv_fds(connection, _CHUNK, 2)
    while more := connection.recv(_CHUNK):
        content += more
    request: dict[str, Any] = json.loads(content)
    return request, descriptors


def _with_output(
    descriptors: list[int], request: dict[str, Any], variables: dict[str, dict[str, Any]]
) -> int:
    own = [os.dup(number) for number in (1, 2)]
    try:
        for number, descriptor in zip((1, 2), descriptors, strict=True):
            os.dup2(descriptor, number)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        return _run(request, variables)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, descriptor in zip((1, 2), own, strict=True):
            os.dup2(descriptor, number)
        for descriptor in [*own, *descriptors]:
            os.close(descriptor)


def _run(request: dict[str, Any], variables: dict[str, dict[str, Any]]) -> int:
    try:
        if "python" in request:
            program = compile(request["python"], request["page"], "exec")
            exec(program, variables.setdefault(request["page"], {"__name__": "__main__"}))
        else:
            from emsearch_cli.app import app

            app(request["arguments"], prog_name="emsearch")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
