"""Recorded scenarios in the terms of the settlement: markets, decoded receipts, and which orders a transaction placed."""
from collections.abc import Iterator
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.chain.logs import EngineLog, TokenOut, decode_engine_logs, decode_outflows
from hummingbot.connector.exchange.standard.markets import Market, Token
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.sandbox.recording import added_pairs
from test.vectors import load, steps

GENERATIONS = ("engine_2025_08", "engine_2026_07")


class Placement(NamedTuple):
    """One order that a transaction submitted: who gets it and what was deposited of which token."""

    recipient: str
    token: str
    deposit: int


def markets(generation: str) -> dict[str, Market]:
    """The markets by book address, those that scenarios list included."""
    contents = load(generation)
    wrapper = contents["meta"]["contracts"]["WETH"].lower()
    pairs = [(pair["orderbook"], *(Token(pair[f"{side}_address"].lower(), pair[side], pair[f"{side}_decimals"])
                                   for side in ("base", "quote"))) for pair in contents["meta"]["pairs"].values()]
    pairs += [(pair["pair"], *(Token(pair[side]["token"].lower(), pair[side]["symbol"], pair[side]["decimals"])
                               for side in ("base", "quote"))) for pair in added_pairs(contents)]
    return {book.lower(): Market(base, quote, book.lower(), base.address == wrapper, quote.address == wrapper)
            for book, base, quote in pairs}


def matches(generation: str) -> int:
    """How many matches were recorded."""
    return sum(log["event"] == "OrderMatched" for _, step in steps(generation, "tx") for log in step["logs"])


def runs(generation: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The transactions that follow each other on one chain: a scenario, or a part of it between two resets."""
    for scenario in load(generation)["scenarios"]:
        run: list[dict[str, Any]] = []
        for step in scenario["steps"]:
            if step["kind"] != "tx":
                continue
            if step.get("reset_before") and run:
                yield scenario["name"], run
                run = []
            run.append(step)
        if run:
            yield scenario["name"], run


def receipt_logs(generation: str, step: dict[str, Any]) -> tuple[list[EngineLog], list[TokenOut]]:
    """The logs of a recorded transaction, decoded as the connector decodes those of a receipt."""
    logs = [{"address": log["address"], "topics": log["topics"], "data": log["data"], "transactionHash": step["hash"],
             "blockNumber": hex(step["blockNumber"]), "logIndex": hex(index)} for index, log in enumerate(step["logs"])]
    return decode_engine_logs(logs, load(generation)["meta"]["contracts"]["engine"].lower()), decode_outflows(logs)


def placements(generation: str, step: dict[str, Any]) -> list[Placement]:
    """The orders that a transaction submitted, in order. A failed one submitted none; amount 0 submits none, and neither does
    an update whose cancel generation B skipped: its result is zeros."""
    if not step["status"]:
        return []
    name, arguments = step["decoded_call"]["function"].split("(")[0], step["decoded_call"]["args"]
    wrapper = load(generation)["meta"]["contracts"]["WETH"].lower()
    if name in ("limitBuy", "marketBuy"):
        return [Placement(arguments["recipient"].lower(), arguments["quote"].lower(), arguments["quoteAmount"])]
    if name in ("limitSell", "marketSell"):
        return [Placement(arguments["recipient"].lower(), arguments["base"].lower(), arguments["baseAmount"])]
    if name.endswith("ETH"):
        return [Placement(arguments["recipient"].lower(), wrapper, step["value"])]
    if name.startswith(("createOrder", "updateOrder")):
        (items,), results = arguments.values(), step["returned"]
        if not isinstance(items, list):
            items, results = [items], [results]
        return [Placement(item["recipient"].lower(), item["quote" if item["isBid"] else "base"].lower(), item["amount"])
                for item, result in zip(items, results, strict=True) if item["amount"] and any(result.values())]
    return []


def orders_after(generation: str, step: dict[str, Any]) -> dict[OrderKey, dict[str, Any]]:
    """Every order that the engine was asked for after a transaction, by key; of one that is gone all is zero."""
    books = {pair: listed["orderbook"].lower() for pair, listed in load(generation)["meta"]["pairs"].items()}
    return {OrderKey(books[pair], side == "bid", int(order_id)): order for pair, state in step["after"].items() if pair in books
            for side in ("bid", "ask") for order_id, order in state[f"engine.getOrder({side})"].items()}
