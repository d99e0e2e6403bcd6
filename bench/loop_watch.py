"""Finds what blocks an event loop: every callback is timed, and what computes for long is looked at while it does.

A busy machine makes any callback take long by the wall clock, so what counts is the time that the loop's own thread computed.
The garbage collector runs in whatever callback happens to come, and looks at everything that the process has: its time is
told by itself.
Waiting inside a callback is found by its cause: files, databases, sleeps, processes and names that are looked up in the loop's
thread are noticed where they are called. A database that is open already waits for its disk without opening anything, so its
statements are noticed too.
"""
import asyncio
import contextlib
import gc
import signal
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

PACKAGE = str(Path("hummingbot", "connector", "exchange", "standard")) + "/"
LOOK_AFTER = 0.008
BLOCKING = frozenset({"open", "sqlite3.connect", "subprocess.Popen", "os.system", "socket.getaddrinfo", "socket.gethostbyname",
                      "urllib.Request", "shutil.copyfile", "tempfile.mkstemp"})


@dataclass
class Stall:
    """A callback that kept the loop: seconds by the wall clock, seconds of computing, and the stack after LOOK_AFTER of them,
    the innermost frame last."""

    what: str
    seconds: float
    computing: float
    stack: list[str] = field(default_factory=list)

    @property
    def is_ours(self) -> bool:
        """Whether the connector's code was running, as far as anybody looked."""
        return any(PACKAGE in line for line in self.stack)


class LoopWatch:
    """Times the callbacks of the event loop of the main thread. Those that compute for at least `threshold` seconds are kept,
    and every blocking call that the connector's code makes there."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.stalls: list[Stall] = []
        self.blocking: list[Stall] = []
        self.callbacks = 0
        self.longest = 0.0
        self.longest_collection = 0.0
        self._collected = 0.0
        self._collection_began = 0.0
        self._running = False
        self._stack: list[str] = []
        self._thread = threading.get_ident()

    @contextlib.contextmanager
    def watching(self) -> Iterator["LoopWatch"]:
        """Time everything that the loop runs until the end of the block."""
        run, sleep, handler = asyncio.Handle._run, time.sleep, signal.signal(signal.SIGVTALRM, self._look)
        watch = self

        def noticed_sleep(seconds: float) -> None:
            watch._notice("time.sleep", (seconds,))
            sleep(seconds)

        def timed(handle: asyncio.Handle) -> None:
            watch._running, watch._stack = True, []
            signal.setitimer(signal.ITIMER_VIRTUAL, LOOK_AFTER)
            began, computed = time.perf_counter(), time.thread_time() - watch._collected
            try:
                run(handle)
            finally:
                computing = time.thread_time() - watch._collected - computed
                watch._running = False
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
                watch._note(handle, time.perf_counter() - began, computing)

        asyncio.Handle._run = timed  # type: ignore[method-assign]
        time.sleep = noticed_sleep
        sys.addaudithook(self._audit)
        gc.callbacks.append(self._collect)
        try:
            yield self
        finally:
            gc.callbacks.remove(self._collect)
            time.sleep = sleep
            asyncio.Handle._run = run  # type: ignore[method-assign]
            signal.signal(signal.SIGVTALRM, handler)

    @contextlib.contextmanager
    def tracing_databases(self) -> Iterator[None]:
        """The statements of databases that are opened until the end of the block are noticed for as long as these are open."""
        connect = sqlite3.connect

        def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*arguments, **options)
            # SQLite calls back in the thread that runs a statement, and a commit is one too, whoever asked for it.
            connection.set_trace_callback(lambda statement: self._notice("sqlite3", (statement,)))
            return connection

        sqlite3.connect = traced  # type: ignore[assignment]
        try:
            yield
        finally:
            sqlite3.connect = connect

    def _note(self, handle: asyncio.Handle, seconds: float, computing: float) -> None:
        self.callbacks += 1
        self.longest = max(self.longest, computing)
        if computing >= self.threshold:
            self.stalls.append(Stall(_name(handle), seconds, computing, self._stack))

    def _collect(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._collection_began = time.thread_time()
            return
        seconds = time.thread_time() - self._collection_began
        self._collected += seconds
        self.longest_collection = max(self.longest_collection, seconds)

    def _look(self, number: int, frame: FrameType | None) -> None:
        self._stack = _lines(frame)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in BLOCKING:
            self._notice(event, arguments)

    def _notice(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Keep a call of the connector's code. An audit hook stays for good, so outside of a callback nothing is done."""
        if self._running and threading.get_ident() == self._thread:
            self._running = False
            call = Stall(f"{event} {arguments[:1]!r:.80}", 0.0, 0.0, _lines(sys._getframe(1)))
            self._running = True
            if call.is_ours:
                self.blocking.append(call)


def _lines(frame: FrameType | None) -> list[str]:
    outwards = [f"{entry.f_code.co_filename}:{line} {entry.f_code.co_name}" for entry, line in traceback.walk_stack(frame)]
    return outwards[::-1]


def _name(handle: asyncio.Handle) -> str:
    callback: Any = handle._callback
    owner = getattr(callback, "__self__", None)
    return owner.get_coro().__qualname__ if isinstance(owner, asyncio.Task) else getattr(callback, "__qualname__", repr(callback))
