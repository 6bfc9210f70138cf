"""uvicorn as we need it: without its signals, and without connections that sleep for ever."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

IDLE_SECONDS = 10.0


class Uvicorn(uvicorn.Server):
    """uvicorn that leaves the signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Protocol(H11Protocol):
    """HTTP whose connections are closed when no request gets under way within a time.

    uvicorn waits for ever for the head of a request: a few idle sockets would eat all handles.
    """

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        self._last: object = None
        self._look = self.loop.call_later(IDLE_SECONDS, self._close_if_idle)

    def connection_lost(self, exc) -> None:
        self._look.cancel()
        super().connection_lost(exc)

    def _close_if_idle(self) -> None:
        working = self.cycle is not None and not self.cycle.response_complete
        if not working and self.cycle is self._last:
            self.transport.close()  # which waits for ever for a client that does not read
            self._look = self.loop.call_later(IDLE_SECONDS, self.transport.abort)
            return
        self._last = self.cycle
        self._look = self.loop.call_later(IDLE_SECONDS, self._close_if_idle)
