"""Connections are shared among those who accept from one socket."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from api import accepting
from api.accepting import Accepting, FairServer


class _Open(asyncio.Protocol):
    """Counts itself while it is open."""

    def __init__(self, opened: set[_Open]) -> None:
        self._opened = opened

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._opened.discard(self)


def _accepting(listening: socket.socket, opened: set[_Open]) -> Accepting:
    return Accepting(listening, lambda: _Open(opened), lambda: len(opened))


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        yield listening


async def _until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never held")


@pytest.mark.parametrize("pause", [0.0, 0.02])
def test_a_quiet_service_has_as_many_connections_in_each_process(listening: socket.socket, pause: float) -> None:
    async def run() -> list[int]:
        each: list[set[_Open]] = [set(), set()]
        sockets = [listening.dup() for _ in each]
        both = [_accepting(one, opened) for one, opened in zip(sockets, each, strict=True)]
        clients = []
        for _ in range(8):
            clients.append(await asyncio.open_connection(*listening.getsockname()))
            await asyncio.sleep(pause)
        await _until(lambda: sum(map(len, each)) == 8)
        shared = [len(opened) for opened in each]
        for one, own in zip(both, sockets, strict=True):
            one.close()
            await one.wait_closed()
            own.close()
        for _, writer in clients:
            writer.close()
        await _until(lambda: not any(each))
        return shared

    assert asyncio.run(run()) == [4, 4]


def test_who_has_no_descriptors_left_tries_again(listening: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    class Exhausted(socket.socket):
        refusals = 2

        def accept(self) -> tuple[socket.socket, object]:
            if self.refusals:
                self.refusals -= 1
                raise OSError(errno.EMFILE, "Too many open files")
            return super().accept()

    async def run() -> None:
        opened: set[_Open] = set()
        with Exhausted(fileno=listening.dup().detach()) as exhausted:
            one = _accepting(exhausted, opened)
            _, writer = await asyncio.open_connection(*listening.getsockname())
            await _until(lambda: len(opened) == 1)
            one.close()
            writer.close()
            await _until(lambda: not opened)

    monkeypatch.setattr(accepting, "EXHAUSTED", 0.01)
    asyncio.run(run())


def test_a_crowd_is_let_in_at_once(listening: socket.socket) -> None:
    async def run() -> None:
        opened: set[_Open] = set()
        one = _accepting(listening, opened)
        clients = [await asyncio.open_connection(*listening.getsockname()) for _ in range(20)]
        await _until(lambda: len(opened) == 20)
        waits = 0

        def wait(seconds: float, then: Callable[[], None]) -> None:
            nonlocal waits
            waits += 1
            waited(seconds, then)

        waited, one._wait = one._wait, wait  # type: ignore[method-assign]
        clients += [await asyncio.open_connection(*listening.getsockname()) for _ in range(60)]
        await _until(lambda: len(opened) == 80)
        assert waits < 20
        one.close()
        for _, writer in clients:
            writer.close()
        await _until(lambda: not opened)

    asyncio.run(run())


def test_a_connection_that_begins_as_the_server_ends_is_told(listening: socket.socket) -> None:
    async def run() -> None:
        config = uvicorn.Config(_nothing, lifespan="off", log_config=None, timeout_graceful_shutdown=30)
        config.load()
        server = FairServer(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup([listening])
        server.servers[0].close()
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        server.servers[0]._accept()  # and nobody has served it yet
        await asyncio.wait_for(server.shutdown(), 5)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()

    asyncio.run(run())


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("nobody asks")


def test_who_is_closed_accepts_no_more(listening: socket.socket) -> None:
    async def run() -> None:
        opened: set[_Open] = set()
        one = _accepting(listening, opened)
        one.close()
        _, writer = await asyncio.open_connection(*listening.getsockname())
        await asyncio.sleep(0.05)
        assert not opened
        writer.close()

    asyncio.run(run())
