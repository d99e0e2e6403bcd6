"""What happened in a simulated world, as one digest: two runs of a seed are the same when their digests are."""
import hashlib
import zlib
from collections import deque
from collections.abc import Callable
from typing import Any

KEPT_LINES = 400


class Trace:
    """Notes everything that crosses a border of the world; the last lines are kept for people."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.lines: deque[tuple[float, tuple[Any, ...]]] = deque(maxlen=KEPT_LINES)
        self._now = now
        self._digest = hashlib.blake2b(digest_size=16)

    def note(self, *what: Any) -> None:
        """Something happened now."""
        entry = self._now(), what
        marks = [(len(part), zlib.crc32(part)) if isinstance(part, bytes) else part for part in what]  # bodies are most of it
        self._digest.update(repr((entry[0], marks)).encode())
        self.lines.append(entry)

    def digest(self) -> str:
        """The digest of everything so far."""
        return self._digest.hexdigest()

    def tail(self, count: int = 10 ** 9) -> list[str]:
        """The last lines, shortened."""
        return [f"{moment:.4f} {' '.join(map(_short, what))}" for moment, what in list(self.lines)[-count:]]


def _short(value: Any) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= 300 else text[:300] + "…"
