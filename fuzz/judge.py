"""What every decoder has to bear: only the documented errors, only sensible numbers, little time and little memory."""
import math
import resource
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

SECONDS_PER_INPUT = 1.0  # of processor time; the largest inputs have some 100 kB
MEGABYTES_PER_INPUT = 64
ADDRESS_SPACE = 3 * 1024 ** 3


class Finding(NamedTuple):
    """What went wrong: in a line that is the same for the same fault, and in full."""

    headline: str
    details: str


class BadValue(Exception):
    """A decoder let through what no book and no account may hold."""


class TooSlow(BaseException):
    """An input took longer than it may. Nothing between here and there catches it."""


def check(value: Any, holder: str = "value") -> None:
    """Raises BadValue for a number, however deep inside, that is negative or not finite."""
    if isinstance(value, (bool, str, bytes)) or value is None:
        return
    if isinstance(value, (int, float)):
        if isinstance(value, float) and not math.isfinite(value):
            raise BadValue(f"not finite in a {holder}", value)
        if value < 0:
            raise BadValue(f"negative in a {holder}", value)
    elif isinstance(value, Mapping):
        check(tuple(value.values()), holder)
    elif isinstance(value, (list, tuple, set)):
        name = type(value).__name__
        for inner in value:
            check(inner, holder if name in ("list", "tuple", "set") else name)


def examine(decode: Callable[[bytes], Any], payload: bytes, allowed: tuple[type[Exception], ...]) -> Finding | None:
    """Decode one input. What is wrong with the way in which that ended, or None."""
    memory, started = _peak(), time.thread_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, 5 * SECONDS_PER_INPUT)
    try:
        decode(payload)
    except allowed:
        pass
    except (Exception, TooSlow) as error:
        return _described(error)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    seconds, grown = time.thread_time() - started, _peak() - memory
    if seconds > SECONDS_PER_INPUT:
        return Finding("too slow", f"{seconds:.1f} s for {len(payload)} bytes")
    if grown > MEGABYTES_PER_INPUT:
        return Finding("too much memory", f"{grown:.0f} MB more for {len(payload)} bytes")
    return None


def limit_process() -> None:
    """From now on this process has a bounded address space, and a decoder that never ends is interrupted."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, hard))
    signal.signal(signal.SIGVTALRM, _interrupt)


@contextmanager
def watch_time() -> Iterator[None]:
    """Meanwhile a decoder that never ends is interrupted."""
    before = signal.signal(signal.SIGVTALRM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGVTALRM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise TooSlow("it did not end in time")


def _peak() -> float:
    """The most memory that this process ever used, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _described(error: BaseException) -> Finding:
    if isinstance(error, BadValue):
        return Finding(str(error.args[0]), repr(error.args[1])[:200])
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/exchange/standard/" in frame.filename] or list(frames)
    place = f"{ours[-1].filename.rpartition('/exchange/standard/')[2]}:{ours[-1].lineno}"
    try:
        text = str(error)[:200]
    except ValueError:
        text = "(an error that cannot be shown)"
    return Finding(f"{type(error).__name__} at {place}", f"{text}\n" + "".join(traceback.format_list(frames[-4:])))
