"""An event loop whose time is a number: nothing waits, nothing touches the machine, and one seed gives one order of events.

Programs run in it as processes, told apart by a context variable that every task and callback inherits. A process can be
held up for a while, and killed between any two callbacks; what it had planned then never happens.
"""
import asyncio
import heapq
from asyncio import events
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any

# What a turn of the loop takes, in seconds: as long as the computer needs, which is never twice the same.
FASTEST_TURN, SLOWEST_TURN = 5e-6, 2e-4
# What the journal's disk takes to write something down.
FASTEST_DISK, SLOWEST_DISK = 2e-4, 3e-3


class Process:
    """A program in the simulated world. `held_until` is when it may go on, and `waiting` what it has to do then; `lives_for` is
    how many callbacks it has left."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.held_until = 0.0
        self.waiting: list[_Handle] = []
        self.lives_for: int | None = None


_PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


def current_process() -> Process | None:
    """The process whose code runs; None for the world itself."""
    return _PROCESS.get()


class Deadlock(RuntimeError):
    """Nothing is left that could ever happen, or something happens for ever."""


class _Numbers:
    """Hashes that depend on the order of birth and not on where something lies in memory: sets keep one order."""

    def __init__(self) -> None:
        self.last = 0

    def next(self) -> int:
        self.last += 1
        return self.last


class _Task(asyncio.Task[Any]):
    def __init__(self, number: int, coroutine: Coroutine[Any, Any, Any], **options: Any) -> None:
        self._number = number
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self._number


class _Future(asyncio.Future[Any]):
    def __init__(self, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self._number = number
        self.process = current_process()
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._number


def _process_of(future: "asyncio.Future[Any] | None") -> Process | None:
    """The process that a task or a future is of. What waits for several (asyncio.gather) is what they are of."""
    for part in (future, *getattr(future, "_children", ())):
        if isinstance(part, _Task):
            return part.get_context().get(_PROCESS)
        if isinstance(part, _Future):
            return part.process
    return None


class _Handle(events.TimerHandle):
    """Something to be called. Of what asyncio's own has, only what is not for its debugger."""

    __slots__ = ()

    def __init__(self, when: float, callback: Callable[..., Any], args: tuple[Any, ...], context: Context | None) -> None:
        self._when = when
        self._callback = callback
        self._args = args
        self._context = copy_context() if context is None else context
        self._cancelled = False

    def cancel(self) -> None:
        self._cancelled = True
        self._callback = self._args = None


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs callbacks at once and moves its time on to the next timer when there is nothing to do.

    `killed` is called, outside of any process, with a process that has come to the end of its `lives_for`.
    """

    def __init__(self, random: Random, start: float = 1000.0) -> None:
        super().__init__()
        self.turns = 0
        self.turns_left = 10 ** 12
        self.killed: Callable[[Process], None] = self.kill
        self._random = random
        self._now = start
        self._numbers = _Numbers()
        self._timers: list[tuple[float, int, _Handle]] = []
        self._waiting: list[_Handle] = []
        self._world = copy_context()
        self.complaints: list[str] = []
        self.set_task_factory(self._make_task)
        self.set_exception_handler(self._complain)  # type: ignore[arg-type]

    # Time

    def time(self) -> float:
        return self._now

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any,  # type: ignore[override]
                context: Context | None = None) -> events.TimerHandle:
        timer = _Handle(when, callback, args, context)
        heapq.heappush(self._timers, (when, self._numbers.next(), timer))
        return timer

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any,  # type: ignore[override]
                   context: Context | None = None) -> events.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    # Turns

    def call_soon(self, callback: Callable[..., Any], *args: Any,  # type: ignore[override]
                  context: Context | None = None) -> events.Handle:
        handle = _Handle(self._now, callback, args, context)
        self._waiting.append(handle)
        return handle

    def _run_once(self) -> None:
        """One turn, as in any event loop: what is due, in the order in which it was asked for."""
        timers = self._timers
        if not self._waiting and not self._stopping:  # type: ignore[attr-defined]
            while timers and timers[0][2]._cancelled:
                heapq.heappop(timers)
            if not timers:
                raise Deadlock("nothing is left to happen")
            self._now = max(self._now, timers[0][0])
        else:
            self._now += FASTEST_TURN + self._random.random() * (SLOWEST_TURN - FASTEST_TURN)
        ready, self._waiting = self._waiting, []
        while timers and timers[0][0] <= self._now:
            ready.append(heapq.heappop(timers)[2])
        self.turns += 1
        if self.turns > self.turns_left:
            raise Deadlock(f"{self.turns} turns: something never rests")
        for handle in ready:
            if not handle._cancelled:
                self._run(handle)

    def _run(self, handle: _Handle) -> None:
        process: Process | None = handle._context.get(_PROCESS)
        if process is not None:
            if process.dead:
                return
            if process.held_until > self._now or process.waiting:
                process.waiting.append(handle)
                return
            if process.lives_for is not None:
                process.lives_for -= 1
                if process.lives_for < 0:
                    self._world.run(self.killed, process)
                    return
        try:
            handle._context.run(handle._callback, *handle._args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.call_exception_handler({"message": f"Exception in {handle._callback!r}", "exception": error})

    # Processes

    def within(self, process: Process, function: Callable[..., Any], *args: Any) -> Any:
        """Call something as that process."""
        context = self._world.copy()
        context.run(_PROCESS.set, process)
        return context.run(function, *args)

    def hold(self, process: Process, seconds: float) -> None:
        """The process gets no time for so long; what it has to do meanwhile is done afterwards, in its order."""
        process.held_until = max(process.held_until, self._now + seconds)
        self.call_at(process.held_until, self._go_on, process)

    def release(self, process: Process) -> None:
        """The process gets time again."""
        process.held_until = 0.0
        self.call_soon(self._go_on, process)

    def _go_on(self, process: Process) -> None:
        if process.held_until <= self._now:
            waiting, process.waiting = process.waiting, []
            for handle in waiting:
                if not handle._cancelled:
                    self._run(handle)

    def outside(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call something as the world, whoever asks for it: its tasks and timers outlive the process that asked."""
        return self._world.copy().run(function, *args)

    def tasks_of(self, process: Process) -> list["asyncio.Task[Any]"]:
        """The process's unfinished tasks in the order in which they were begun."""
        tasks = [task for task in asyncio.all_tasks(self) if task.get_context().get(_PROCESS) is process]
        return sorted(tasks, key=hash)

    def timers_of(self, process: Process) -> int:
        """How many things the process has planned for later."""
        return sum(timer._context.get(_PROCESS) is process for _, _, timer in self._timers if not timer._cancelled)

    def kill(self, process: Process) -> None:
        """End a process. Its code is not told; the frames it leaves are thrown away here, and reach nothing any more."""
        process.dead = True
        ended: set[asyncio.Task[Any]] = set()
        while tasks := [task for task in self.tasks_of(process) if task not in ended]:  # closing one may begin another
            for task in tasks:
                ended.add(task)
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                # A frame that waits for something in its clean-up cannot be closed, and does no harm.
                with suppress(RuntimeError):
                    task.get_context().run(task.get_coro().close)  # type: ignore[union-attr]

    def _complain(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What asyncio tells of tasks and futures, but for those of dead processes."""
        about = context.get("task") or context.get("future")
        process = _process_of(about)
        if process is None or not process.dead:
            self.complaints.append(f"{context.get('message')} {context.get('exception')!r} {about!r}")

    # What BaseEventLoop leaves to others

    def _make_task(self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any) -> _Task:
        return _Task(self._numbers.next(), coroutine, loop=loop, **options)

    def create_future(self) -> _Future:
        return _Future(self._numbers.next(), self)

    def run_in_executor(self, executor: Any, function: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        """A disk that takes a while: the work is done at the beginning or at the end of it, never of a dead process."""
        future = self.create_future()
        process = current_process()
        if process is not None and process.dead:
            return future
        early = self._random.random() < 0.5
        done = _outcome(function, args) if early else None

        def finish() -> None:
            result, error = done or _outcome(function, args)
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self.call_later(FASTEST_DISK + self._random.random() * (SLOWEST_DISK - FASTEST_DISK), finish)
        return future

    def _process_events(self, event_list: Any) -> None:
        """There are no sockets."""

    def _write_to_self(self) -> None:
        """There are no other threads."""


def _outcome(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, BaseException | None]:
    try:
        return function(*args), None
    except Exception as error:
        return None, error
