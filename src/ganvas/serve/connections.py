"""uvicorn without its signal handlers, and with a timeout for idle connections."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

IDLE_SECONDS = 10.0


class Uvicorn(uvicorn.Server):
    """uvicorn without its signal handlers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Protocol(H11Protocol):
    """HTTP that closes a connection if no request starts within IDLE_SECONDS, or if the client
    reads nothing of a response in that time.

    uvicorn itself waits for ever, so such clients could use all sockets and much memory.
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._last: object = None
        self._unread = 0
        self._timer = self.loop.call_later(IDLE_SECONDS, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)

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
