"""uvicorn without its signal handlers, with a timeout for idle connections and a limit of heads.

HTTP is parsed by httptools (llhttp in C) and the event loop is uvloop's where they are installed,
which the extra `serve` does; else by h11 and asyncio, in Python.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

IN_C = importlib.util.find_spec("httptools") is not None
Parsed: Any
if IN_C:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Parsed
else:
    from uvicorn.protocols.http.h11_impl import H11Protocol as Parsed

IDLE_SECONDS = 10.0
HEAD_BYTES = 2**16
"""Of a request without its body, and a piece that is read; h11 itself has such a limit."""


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the event loop; None: asyncio itself."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop

    return uvloop.new_event_loop


class Uvicorn(uvicorn.Server):
    """uvicorn without its signal handlers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Protocol(Parsed):
    """HTTP that closes a connection if no request starts within IDLE_SECONDS, if the client reads
    nothing of a response in that time, or if a head is longer than HEAD_BYTES.

    uvicorn itself waits for ever, so such clients could use all sockets and much memory.
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._last: object = None
        self._unread = self._head = 0
        self._in_head = IN_C
        self._timer = self.loop.call_later(IDLE_SECONDS, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head > HEAD_BYTES:
            self.send_400_response("The head of the request is too long.")
            return
        self._head += len(data) if self._in_head else 0
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Called by httptools."""
        self._head, self._in_head = 0, True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Called by httptools."""
        self._head, self._in_head = 0, False
        super().on_headers_complete()

    def _close_if_idle(self) -> None:
        unread, before = self.transport.get_write_buffer_size(), self._unread
        self._unread = unread
        if unread and unread == before:
            self.transport.abort()
            return
        working = self.cycle is not None and not self.cycle.response_complete
        if not working and self.cycle is self._last:
            self.transport.close()  # which waits for ever if the client does not read
            self._timer = self.loop.call_later(IDLE_SECONDS, self.transport.abort)
            return
        self._last = self.cycle
        self._timer = self.loop.call_later(IDLE_SECONDS, self._close_if_idle)
