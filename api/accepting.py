"""New connections, shared fairly among the server processes: each connection is answered by one of them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

import structlog
import uvicorn

log = structlog.get_logger("api.accepting")
STEP, MOST_STEPS = 0.001, 8
"""Seconds that a process waits before it accepts, for each connection that it has; of so many at the most."""
EXHAUSTED = 1.0
"""Seconds after which a process tries again that cannot accept, for want of descriptors or memory."""


class FairServer(uvicorn.Server):
    """A uvicorn server for one of several processes that listen on one socket.

    Whoever is awake first would take all connections of a quiet service, and the other processes would idle beside it.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the app, then accept."""
        await super().startup(sockets=[])

        def protocol() -> asyncio.Protocol:
            return self.config.http_protocol_class(  # type: ignore[call-arg]
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )

        has = self.server_state.connections
        self.servers: Sequence[Accepting] = [Accepting(one, protocol, lambda: len(has)) for one in sockets or ()]  # type: ignore[assignment]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, and end once every connection that was accepted is known and was told."""
        for one in self.servers:
            one.close()
            await one.wait_closed()
        await super().shutdown(sockets)


class Accepting:
    """Accepts from a listening socket that others accept from, too: the later, the more connections there are here."""

    def __init__(
        self, listening: socket.socket, protocol: Callable[[], asyncio.Protocol], connections: Callable[[], int]
    ) -> None:
        """`protocol` makes one for each connection; `connections` counts those that are open."""
        self._loop = asyncio.get_running_loop()
        self._listening, self._protocol, self._connections = listening, protocol, connections
        self._waiting: asyncio.TimerHandle | None = None
        self._beginning: set[asyncio.Task[object]] = set()
        listening.setblocking(False)
        self._listen()

    def _listen(self) -> None:
        self._loop.add_reader(self._listening, self._knocked)

    def _knocked(self) -> None:
        if here := self._here:
            self._wait(STEP * min(here, MOST_STEPS), self._accept)
        else:
            self._accept()

    @property
    def _here(self) -> int:
        return self._connections() + len(self._beginning)

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._loop.remove_reader(self._listening)
        self._waiting = self._loop.call_later(seconds, then)

    def _accept(self) -> None:
        """Accept one, or where there are many as many more at the most: a crowd would have to wait otherwise."""
        here = self._here
        try:
            for _ in range(here if here >= MOST_STEPS else 1):
                connection, _ = self._listening.accept()
                connection.setblocking(False)
                task = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, connection))
                self._beginning.add(task)
                task.add_done_callback(self._beginning.discard)
        except (BlockingIOError, ConnectionAbortedError):
            pass  # nobody waits any more, or another process has them
        except OSError as error:
            log.warning("cannot_accept", reason=error.strerror)
            self._wait(EXHAUSTED, self._listen)
            return
        self._listen()

    def close(self) -> None:
        """Accept no more."""
        self._loop.remove_reader(self._listening)
        if self._waiting is not None:
            self._waiting.cancel()

    async def wait_closed(self) -> None:
        """Wait until every connection has begun."""
        await asyncio.gather(*self._beginning, return_exceptions=True)
