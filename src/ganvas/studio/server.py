"""The process of `ganvas studio`: it listens, and at its end stops the jobs."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from ..base.signals import SIGNALS
from ..errors import UsageError
from ..serve.connections import Uvicorn
from ..serve.options import ANY, LOOPBACK
from .application import LANGUAGES, Studio, application
from .jobs import Jobs
from .uploads import MOST_MB
from .workspace import Workspace

CONNECTIONS = 100
"""Most that are open at the same time."""
GRACE_SECONDS = 5


@dataclass(frozen=True)
class StudioOptions:
    """Options of the command.

    Attributes:
        allowed_hosts: names by which browsers address it, besides this machine's own.
        language: "en", "zh", or "auto": that of the browser.
        token: None: a new one.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    allowed_hosts: tuple[str, ...] = ()
    language: str = "auto"
    max_upload_mb: float = MOST_MB
    token: str | None = None

    def check(self) -> None:
        """Raises: UsageError: an unknown language, or a host that is no address of this machine."""
        if self.language not in ("auto", *LANGUAGES):
            accepted = ", ".join(LANGUAGES)
            raise UsageError(f"--lang must be one of {accepted}, got {self.language}")
        try:
            socket.getaddrinfo(self.host, None)
        except OSError as error:
            raise UsageError(
                f"--host must be an address of this machine, got {self.host} ({error.strerror}): "
                "give 127.0.0.1, 0.0.0.0, or another of its addresses"
            ) from error

    def hosts(self) -> tuple[str, ...]:
        """Patterns of names by which browsers may address it."""
        own = () if self.host in ANY else (self.host,)
        return tuple(name.lower() for name in (*LOOPBACK, *own, *self.allowed_hosts))


def serve(
    folder: Path,
    options: StudioOptions,
    started: Callable[[str], None],
    stopping: Callable[[int], None] = lambda jobs: None,
) -> int:
    """Serve the studio of a folder until Ctrl-C or SIGTERM; then stop its jobs cleanly.

    Args:
        started: called with the address, which holds the token.
        stopping: called with the number of jobs that are stopped at the end.

    Returns: 0.
    Raises: UsageError: no folder, or a port in use.
    """
    options.check()
    workspace = Workspace(folder)
    with contextlib.closing(_listener(options)) as listener:
        token = options.token or secrets.token_urlsafe(24)
        workspace.folder.mkdir(exist_ok=True)
        jobs = Jobs(workspace.of("hidden") / "jobs", workspace.folder)
        studio = Studio(workspace, jobs, options.language, int(options.max_upload_mb * 2**20))
        studio.uploads.clear()
        config = uvicorn.Config(
            application(studio, token, options.hosts()),
            ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
            limit_concurrency=CONNECTIONS, timeout_graceful_shutdown=GRACE_SECONDS,
        )  # fmt: skip
        before = {number: signal.getsignal(number) for number in SIGNALS}
        try:
            host = "127.0.0.1" if options.host in ANY else options.host
            host = f"[{host}]" if ":" in host else host
            started(f"http://{host}:{listener.getsockname()[1]}/?token={token}")
            asyncio.run(_until_signal(Uvicorn(config), listener))
        finally:
            if running := jobs.running():
                stopping(len(running))
            jobs.close()
            for number, handler in before.items():  # asyncio leaves Python's own behind
                signal.signal(number, handler)
    return 0


async def _until_signal(server: uvicorn.Server, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, setattr, server, "should_exit", True)
    await server.serve(sockets=[listener])


def _listener(options: StudioOptions) -> socket.socket:
    """Raises: UsageError: the port is in use."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
    except OSError as error:
        listener.close()
        why = error.strerror or "it may be in use"
        raise UsageError(
            f"cannot listen on port {options.port} ({why}): choose another --port"
        ) from error
    return listener
