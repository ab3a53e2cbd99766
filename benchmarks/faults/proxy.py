"""A TCP proxy that can drop what it carries, so that a network can be cut and come back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

Result = TypeVar("Result")
Cut = Literal["drop", "reset"]

_CHUNK = 64 * 1024  # bytes


class Proxies:
    """Proxies while the ``with`` block lasts, all in one thread with an event loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._open: list[Proxy] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for proxy in self._open:
            self.run(proxy.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def add(self, target: int) -> Proxy:
        """A proxy in front of a port of this machine; it listens at a free one."""
        proxy = Proxy(self, target)
        self.run(proxy.listen())
        self._open.append(proxy)
        return proxy

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do something in the thread of the proxies."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class Proxy:
    """One proxy.

    Args:
        proxies: whose thread it works in.
        target: port of this machine that it stands in front of.
    """

    def __init__(self, proxies: Proxies, target: int) -> None:
        self._proxies, self._target = proxies, target
        self._flows = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._pairs: set[asyncio.Task[None]] = set()
        self._refusing = False
        self.port = 0

    def cut(self, how: Cut) -> None:
        """Let nothing through from now on.

        Args:
            how: ``drop`` leaves connections open, and what is sent arrives once the network is back, as TCP does it;
                ``reset`` breaks all connections, and new ones at once.
        """
        self._proxies.run(self._cut(how))

    def restore(self) -> None:
        """Let everything through again."""
        self._proxies.run(self._restore())

    async def listen(self) -> None:
        """Listen at a free port."""
        self._flows.set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Break everything and listen no more."""
        assert self._server is not None
        self._server.close()
        await self._break()

    async def _cut(self, how: Cut) -> None:
        self._flows.clear()
        if how == "reset":
            self._refusing = True
            await self._break()

    async def _restore(self) -> None:
        self._refusing = False
        self._flows.set()

    async def _break(self) -> None:
        pairs = list(self._pairs)
        for pair in pairs:
            pair.cancel()
        await asyncio.gather(*pairs, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pairs.add(task)
        try:
            if not self._refusing:
                await self._flows.wait()
                await self._carry(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # either side went away, or the connection is being broken
        finally:
            self._pairs.discard(task)
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            ways = [asyncio.ensure_future(self._pump(*way)) for way in ((reader, back), (there, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            back.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                await self._flows.wait()
                writer.write(chunk)
                await writer.drain()
