"""State of the contracts that a recorded scenario, or a step of it, sets beforehand, such as {"engine.count": 65534}."""
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hummingbot.connector.exchange.standard.sandbox.book import Book
from hummingbot.connector.exchange.standard.sandbox.engine_state import EngineState
from hummingbot.connector.exchange.standard.sandbox.levels import LAST_ID
from hummingbot.connector.exchange.standard.sandbox.world import World

_BOOK_KEY = re.compile(r"book(?::(?P<pair>[^.]+))?\.(?P<name>.+)")
_LAST_GIVEN = re.compile(r"_?(?P<side>bid|ask)Orders\._?count")
_NEXT = re.compile(r"nextMakeId\((?P<side>bid|ask)\)")


def set_presets(world: World, addresses: Mapping[str, str], pairs: Sequence[str], presets: Mapping[str, Any]) -> list[str]:
    """Set what the sandbox knows of `presets`; returns the keys that it does not know.

    "engine.count" is the counter of order history ids. "book.NAME" is about the first of `pairs`, "book:PAIR.NAME" about
    another one; NAME is what a view of the book is called, or the contract's own counter of a side, "_bidOrders.count": the
    last id that was given. `addresses` has the engine and, as "book:PAIR", the books.
    """
    return [key for key, value in presets.items() if not _set(world, addresses, pairs, key, value)]


def _set(world: World, addresses: Mapping[str, str], pairs: Sequence[str], key: str, value: Any) -> bool:
    engine = world.contract(addresses["engine"])
    if key == "engine.count" and isinstance(engine, EngineState):
        world.journal.assign(engine, "count", value)
        return True
    match = _BOOK_KEY.fullmatch(key)
    pair = (match["pair"] or next(iter(pairs), "")) if match else ""
    book = world.contract(addresses.get(f"book:{pair}", ""))
    if match is None or not isinstance(book, Book):
        return False
    name = match["name"]
    if name in ("lmp", "tradeCount"):
        world.journal.assign(book, "last_price" if name == "lmp" else "trades", value)
        return True
    given, following = _LAST_GIVEN.fullmatch(name), _NEXT.fullmatch(name)
    if given:
        world.journal.assign(book.side(given["side"] == "bid"), "next_id", value % LAST_ID + 1)
    elif following:
        world.journal.assign(book.side(following["side"] == "bid"), "next_id", value)
    return bool(given or following)
