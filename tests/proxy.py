"""Links between processes that can be cut, stalled and slowed: a TCP proxy on this machine for each of them.

All proxies of a `Proxies` are served by one thread, so that dozens of them cost little.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

HOST = "127.0.0.1"

Target = tuple[str, int] | Path
"""Where a link leads: a TCP address, or the path of a Unix socket."""


class Link:
    """One link. Connections to `port` end at the target. A link is whole until something is done to it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, target: Target) -> None:
        self._loop = loop
        self._target = target
        self._listener = socket.create_server((HOST, 0))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._cut = False
        self._delay = 0.0
        self._open: set[socket.socket] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """End every connection, and every new one."""
        self._do(self._sever)

    def stall(self) -> None:
        """Carry nothing any more. Nobody is told; what was sent goes on when the link is whole again."""
        self._do(self._flowing.clear)

    def slow(self, seconds: float) -> None:
        """Carry everything so much later."""
        self._do(lambda: setattr(self, "_delay", seconds))

    def heal(self) -> None:
        """Make the link whole again."""
        self._do(self._mend)

    def _do(self, what: Callable[[], None]) -> None:
        done = threading.Event()

        def run() -> None:
            what()
            done.set()

        self._loop.call_soon_threadsafe(run)
        done.wait()

    def _sever(self) -> None:
        self._cut = True
        for each in self._open:
            # Not closed: who waits for something here sees the end, and closes it.
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _mend(self) -> None:
        self._cut, self._delay = False, 0.0
        self._flowing.set()

    async def serve(self) -> None:
        """Take connections for ever."""
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            self._begin(self._connect(client))

    def _begin(self, work: asyncio.Future[None] | object) -> None:
        task = self._loop.create_task(work)  # type: ignore[arg-type, var-annotated]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, client: socket.socket) -> None:
        server: socket.socket | None = None
        self._open.add(client)
        try:
            await self._flowing.wait()
            if self._cut:
                return
            server = socket.socket(socket.AF_UNIX if isinstance(self._target, Path) else socket.AF_INET)
            self._open.add(server)
            for each in (client, server):
                each.setblocking(False)
            await self._loop.sock_connect(server, str(self._target) if isinstance(self._target, Path) else self._target)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(client, server))
                both.create_task(self._carry(server, client))
        except* OSError:
            pass  # whoever is still there sees the connection end
        finally:
            for end in (client, server):
                if end is not None:
                    self._open.discard(end)
                    end.close()

    async def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        while data := await self._loop.sock_recv(source, 1 << 16):
            if self._delay:
                await asyncio.sleep(self._delay)
            await self._flowing.wait()
            await self._loop.sock_sendall(sink, data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End everything. On the thread of the loop."""
        self._sever()
        self._listener.close()
        for task in self._tasks:
            task.cancel()


class Proxies:
    """Links, and the thread that serves them."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._links: list[tuple[Link, asyncio.Future[None]]] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)

    def __enter__(self) -> Proxies:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._loop.create_task, self._end())
        self._thread.join()
        self._loop.close()

    def link(self, target: Target) -> Link:
        """A new link to a target."""
        made = Link(self._loop, target)
        serving = asyncio.run_coroutine_threadsafe(made.serve(), self._loop)
        self._links.append((made, serving))  # type: ignore[arg-type]
        return made

    async def _end(self) -> None:
        for made, serving in self._links:
            serving.cancel()
            made.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self._loop.stop()
