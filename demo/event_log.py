"""What the bot reports: the structured events in its log file, with amounts as it wrote them, unrounded."""
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal
from pathlib import Path
from typing import Any, NamedTuple

from demo.chain_view import FillKey

_READABLE = Context(prec=10)
MARK = " - EVENT_LOG - "
ERROR_MARK = " - ERROR - "
COMPLAINT_MARKS = (ERROR_MARK, " - WARNING - ", " - CRITICAL - ")
# Hummingbot's own parts that miss the internet: the rate oracle and the connectors that it asks. This connector's time
# cannot fail, and a strategy that waits for its first prices says so every second.
HARMLESS = (" - hummingbot.core.rate_oracle", " - hummingbot.connector.time_synchronizer - ", " is not ready. Please wait")
CREATED = ("BuyOrderCreatedEvent", "SellOrderCreatedEvent")
FILLED = "OrderFilledEvent"
CANCELLED = "OrderCancelledEvent"
COMPLETED = ("BuyOrderCompletedEvent", "SellOrderCompletedEvent")
FAILED = "MarketOrderFailureEvent"


class ReportedFill(NamedTuple):
    """A fill as the connector told it to Hummingbot: human amounts, the fee in the token named."""

    price: Decimal
    amount: Decimal
    fee: Decimal
    fee_token: str


class ReportedFailure(NamedTuple):
    """When an order was reported as failed, in seconds since the epoch, and the type of the error, if that was told."""

    at: float
    error: str


@dataclass
class ReportedOrders:
    """The client ids of the orders that were reported so far, by what was said of them; and how they failed."""

    created: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    completed: set[str] = field(default_factory=set)
    failed: dict[str, ReportedFailure] = field(default_factory=dict)


def rotated(path: Path) -> list[Path]:
    """What a log of Hummingbot's was before, the oldest first: each day it is renamed, by the date, and begun anew."""
    return sorted(path.parent.glob(f"{path.name}.*"))


class EventLog:
    """Follows a bot's log file while the bot writes it."""

    def __init__(self, path: Path) -> None:
        self.orders = ReportedOrders()
        self.fills: dict[FillKey, ReportedFill] = {}
        self.double_fills: list[FillKey] = []
        self.errors: list[str] = []
        self.complaints: list[str] = []
        self._path = path
        self._inode: int | None = None
        self._position = 0
        self._fragment = ""

    def new_lines(self) -> list[str]:
        """A line for people about everything that was reported since the last call."""
        return [line for event in self._new_events() if (line := self._take_in(event))]

    def _new_events(self) -> Iterator[dict[str, Any]]:
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8") as file:
            inode, text = os.fstat(file.fileno()).st_ino, self._fragment
            if self._inode not in (None, inode):
                text += self._rest_of_rotated()
            file.seek(self._position)
            text += file.read()
            self._inode, self._position = inode, file.tell()
        *lines, self._fragment = text.split("\n")
        for line in lines:
            if ERROR_MARK in line:
                self.errors.append(line)
            if any(mark in line for mark in COMPLAINT_MARKS) and not any(text in line for text in HARMLESS):
                self.complaints.append(line)
            if MARK in line:
                yield json.loads(line.split(MARK, 1)[1])

    def _rest_of_rotated(self) -> str:
        """What was still written into the file that was read until now, before it was renamed; the next begins at 0."""
        (path,) = (path for path in rotated(self._path) if path.stat().st_ino == self._inode)
        with path.open(encoding="utf-8") as file:
            file.seek(self._position)
            self._position = 0
            return file.read()

    def _take_in(self, event: dict[str, Any]) -> str:
        name, order_id = event["event_name"], event.get("order_id", "")
        if name in CREATED:
            self.orders.created.add(order_id)
            side = "buy" if name.startswith("Buy") else "sell"
            return f"order    {side:4} {_plain(event['amount'])} at {_plain(event['price'])}, {_short(event)}"
        if name == FILLED:
            return self._take_in_fill(event)
        if name == CANCELLED:
            self.orders.cancelled.add(order_id)
            return f"cancel   {_short(event)}"
        if name in COMPLETED:
            self.orders.completed.add(order_id)
        if name == FAILED:
            self.orders.failed[order_id] = ReportedFailure(float(event["timestamp"]), event.get("error_type") or "")
            return f"FAILED   {order_id}: {event.get('error_message') or 'see the log'}"
        return ""

    def _take_in_fill(self, event: dict[str, Any]) -> str:
        side = event["trade_type"].rsplit(".", 1)[-1].lower()
        fees = event["trade_fee"]["flat_fees"]
        if len(fees) != 1:
            raise RuntimeError(f"a fill with {len(fees)} fees: {event}")
        fill = ReportedFill(Decimal(event["price"]), Decimal(event["amount"]), Decimal(fees[0]["amount"]), fees[0]["token"])
        book, trade_id = event["exchange_trade_id"].split(":")[:2]
        key = FillKey(book, int(trade_id), side == "buy")
        if key in self.fills:
            self.double_fills.append(key)
        self.fills[key] = fill
        return (f"FILL     {side:4} {_plain(fill.amount)} at {_plain(fill.price)}, "
                f"fee {_plain(fill.fee)} {fill.fee_token}, {_short(event)}")


def _plain(number: str | Decimal) -> str:
    """For reading: at most ten significant digits; the comparison takes the unrounded number."""
    return format(_READABLE.plus(Decimal(number)).normalize(), "f")


def _short(event: dict[str, Any]) -> str:
    """The order's side and number in the book, without the book's address."""
    return " ".join((event.get("exchange_order_id") or "").split(":")[1:])
