"""Damaged messages: a real one with a few values replaced, removed, nested or cut."""
import copy
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

_VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-10, 2 ** 70), st.floats(), st.text(max_size=8), st.builds(list), st.builds(dict),
    st.builds(lambda: [[]]), st.sampled_from(["9" * 5000, "0x" + "ab" * 20, "-1", "NaN", "1e400", "²"]))


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, item in entries for place in _places(item, (*path, key))]


@st.composite
def mutated(draw: st.DrawFn, frames: Sequence[Any]) -> Any:
    """One of the frames, changed in one to three places."""
    frame = copy.deepcopy(draw(st.sampled_from(frames)))
    for _ in range(draw(st.integers(1, 3))):
        places = _places(frame)
        if not places:
            return draw(_VALUES)
        *parents, last = draw(st.sampled_from(places))
        holder = frame
        for key in parents:
            holder = holder[key]
        if draw(st.booleans()):
            holder[last] = draw(_VALUES)
        else:
            del holder[last]
    return frame
