"""`orders`: the open orders of a wallet as the chain has them, and their cancels, for when a bot is gone and they are not."""
import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from hummingbot.connector.exchange.standard.cancels import CancelResult, Cancels
from hummingbot.connector.exchange.standard.chain.engine import OrderPlaced
from hummingbot.connector.exchange.standard.chain.fees import FeePolicy
from hummingbot.connector.exchange.standard.chain.gas import GasLimits, gas_profile
from hummingbot.connector.exchange.standard.chain.journal import Journal
from hummingbot.connector.exchange.standard.chain.logs import decode_engine_logs
from hummingbot.connector.exchange.standard.chain.signing import Wallet
from hummingbot.connector.exchange.standard.chain.transactions import TransactionSender
from hummingbot.connector.exchange.standard.cli.exchange import Exchange, opened
from hummingbot.connector.exchange.standard.cli.journals import BotJournal, Placement, held, journals
from hummingbot.connector.exchange.standard.cli.wallets import (
    BotHome,
    add_arguments,
    bot_home,
    find_address,
    find_wallet,
    key_variable,
)
from hummingbot.connector.exchange.standard.errors import (
    ApiUnavailableError,
    ConfigurationError,
    OutcomeUnknownError,
    RpcError,
    StandardError,
)
from hummingbot.connector.exchange.standard.markets import Market, price_from_chain
from hummingbot.connector.exchange.standard.orders.settlement import OrderKey
from hummingbot.connector.exchange.standard.venue import Venue

CANCEL_TIMEOUT = 180.0


class OpenOrder(NamedTuple):
    """An order that rests: what is left of it in base, what it holds of `locked_token`, and whether a bot knows it."""

    key: OrderKey
    market: Market
    price: Decimal
    amount: Decimal
    locked: Decimal
    locked_token: str
    of_a_bot: bool

    @property
    def name(self) -> str:
        """How a person names it: trading pair, side and number."""
        return f"{self.market.trading_pair}:{'bid' if self.key.is_bid else 'ask'}:{self.key.id}"

    def as_json(self) -> dict[str, Any]:
        """For other programs; amounts are exact texts."""
        return {"id": self.name, "exchange_order_id": self.key.exchange_order_id, "trading_pair": self.market.trading_pair,
                "side": "buy" if self.key.is_bid else "sell", "price": f"{self.price:f}", "amount": f"{self.amount:f}",
                "locked": f"{self.locked:f}", "locked_token": self.locked_token, "of_a_bot": self.of_a_bot}


def add_parser(subparsers: Any, words: str) -> argparse.ArgumentParser:
    """Add the command `orders`, which `words` describe, to the commands."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "orders", help=words,
        description="List the wallet's open orders: found in the REST API and in the journals of bots, verified on the chain. "
                    "The wallet is that of --address, of a bot's stored key, or of the key in the environment "
                    f"({key_variable('standard')}, {key_variable('standard_testnet')}, …).")
    add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="for other programs")
    parser.set_defaults(run=run_list)
    cancel = parser.add_subparsers(title="instead of listing", metavar="[COMMAND]").add_parser(
        "cancel", help="cancel orders", description="Cancel open orders, by transactions that the wallet's key signs. Refused "
        "while a bot of this Hummingbot trades with the wallet. The key comes from the bot's encrypted file, the environment, "
        "or a hidden prompt.")
    add_arguments(cancel, argparse.SUPPRESS, address=False)
    cancel.add_argument("ids", nargs="*", metavar="ID", help="as the list shows them: SOMI-USDC:bid:12")
    cancel.add_argument("--all", action="store_true", help="all open orders of the wallet")
    cancel.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    cancel.set_defaults(run=run_cancel)
    return parser


def run_list(arguments: argparse.Namespace) -> int:
    """List the orders; returns the exit code."""
    return _guarded(lambda: _list(arguments))


def run_cancel(arguments: argparse.Namespace) -> int:
    """Cancel orders; returns the exit code: 0 when none of those meant is left on the exchange."""
    if bool(arguments.ids) == arguments.all:
        print("Name the orders to cancel, or --all of them.", file=sys.stderr)
        return 2
    return _guarded(lambda: _cancel(arguments))


def _guarded(command: Callable[[], int]) -> int:
    """What a command returns. It asks its questions outside of any event loop, where Ctrl-C ends them at once."""
    try:
        return command()
    except StandardError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. A cancel that was sent may still be carried out: list the orders to see.", file=sys.stderr)
        return 130


def _list(arguments: argparse.Namespace) -> int:
    home = bot_home(arguments)
    address = find_address(arguments, os.environ)
    if not address:
        raise ConfigurationError("Whose orders? Give --address, --key-from-bot-home, or set "
                                 f"{key_variable(arguments.network)}.")
    known = journals(home.data, arguments.network, address)
    orders, gaps = asyncio.run(_find(arguments.network, home, address, known))
    if arguments.json:
        print(json.dumps([order.as_json() for order in orders], indent=2))
    else:
        print(_table(orders) if orders else _none_open(address, arguments.network, gaps))
    for gap in gaps:
        print(gap, file=sys.stderr)
    if any(journal.in_use for journal in known):
        print("A bot is trading with this wallet now; its newest orders may be listed as nobody's.", file=sys.stderr)
    return 1 if gaps else 0


def _none_open(address: str, domain: str, gaps: Sequence[str]) -> str:
    """What is said of an empty list: with gaps it proves nothing."""
    if gaps:
        return f"No open order of the wallet {address} was found on {domain}, and there may be some."
    return f"The wallet {address} has no open orders on {domain}."


async def _find(domain: str, home: BotHome, address: str, known: Sequence[BotJournal]) -> tuple[list[OpenOrder], list[str]]:
    async with opened(domain, home.settings(domain)) as exchange:
        return await open_orders(exchange.venue, address, known)


async def open_orders(venue: Venue, address: str, known: Sequence[BotJournal]) -> tuple[list[OpenOrder], list[str]]:
    """The orders of a wallet that the chain confirms, by pair, side and price, and why there may be others."""
    placed, gaps = await _placed(venue, address, [placement for journal in known for placement in journal.placements])
    of_bots = placed.union(*(journal.orders for journal in known))
    try:
        keys = {OrderKey(row.book, row.is_bid, row.order_id) for row in await venue.rest.open_orders(address)}
    except ApiUnavailableError as error:
        keys = set()
        gaps.append(f"The API cannot be asked, so only orders of known bots are listed: {error}")
    listing = await venue.listing_with({key.book for key in keys | of_bots})
    by_book = listing.by_book
    candidates = sorted(key for key in keys | of_bots if key.book in by_book)
    gaps += [f"The order {key.exchange_order_id} was not looked up: the engine {listing.engine} does not know its book."
             for key in sorted(keys | of_bots) if key.book not in by_book]
    orders = []
    for key, stored in zip(candidates, await venue.orders(candidates) if candidates else ()):
        if stored.owner == address and stored.deposit > 0:
            market = by_book[key.book]
            spends = market.quote if key.is_bid else market.base
            base = market.quote_to_base(stored.price, stored.deposit) if key.is_bid else stored.deposit
            orders.append(OpenOrder(key, market, price_from_chain(stored.price), market.base.from_units(base),
                                    spends.from_units(stored.deposit), spends.symbol, key in of_bots))
    return sorted(orders, key=lambda order: (order.market.trading_pair, order.key.is_bid, order.price)), gaps


async def _placed(venue: Venue, address: str, placements: Sequence[Placement]) -> tuple[set[OrderKey], list[str]]:
    """The orders that these transactions let rest, by their receipts, and why there may be others."""
    names = [name for placement in placements for name in placement.hashes]
    keys: set[OrderKey] = set()
    waiting: list[str] = []
    try:
        receipts = {name: receipt for name, receipt in zip(names, await venue.rpc.receipts(names)) if receipt is not None}
        for placement in placements:
            mined = [receipts[name] for name in placement.hashes if name in receipts]
            keys |= {OrderKey(log.event.pair, log.event.is_bid, log.event.id) for receipt in mined
                     for log in decode_engine_logs(receipt.logs, placement.engine)
                     if isinstance(log.event, OrderPlaced) and log.event.owner == address}
            waiting += placement.hashes[-1:] if not mined else ()
    except (ApiUnavailableError, RpcError) as error:
        return keys, [f"The newest orders of bots may not be listed, since what their transactions did cannot be read: {error}"]
    if not waiting:
        return keys, []
    return keys, ["Orders of a bot may rest unseen, or be placed yet: no node tells a block that has its transactions "
                  f"{', '.join(waiting)}. Its next start follows them to their end."]


def _cancel(arguments: argparse.Namespace) -> int:
    home = bot_home(arguments)
    domain = arguments.network
    wallet = find_wallet(arguments, os.environ)
    if arguments.address and arguments.address.lower() != wallet.address:
        raise ConfigurationError(f"The key is that of {wallet.address}, not of --address. Nothing was cancelled.")
    known = journals(home.data, domain, wallet.address)
    with held([journal.path for journal in known]):
        orders, gaps = asyncio.run(_find(domain, home, wallet.address, known))
        print("\n".join(gaps), file=sys.stderr, end="\n" if gaps else "")
        chosen = orders if arguments.all else _chosen(orders, arguments.ids)
        incomplete = bool(gaps) and arguments.all
        if not chosen:
            print(_none_open(wallet.address, domain, gaps))
            return int(incomplete)
        print(_table(chosen))
        if not arguments.yes and not _confirmed(len(chosen), wallet.address, domain):
            print("Nothing was cancelled.")
            return 1
        return asyncio.run(_cancel_found(domain, home, wallet, chosen)) or int(incomplete)


def _chosen(orders: Sequence[OpenOrder], ids: Sequence[str]) -> list[OpenOrder]:
    by_name = {name: order for order in orders for name in (order.name.lower(), order.key.exchange_order_id)}
    unknown = [item for item in ids if item.lower() not in by_name]
    if unknown:
        raise ConfigurationError(f"No open order of this wallet is called {', '.join(unknown)}. Open: "
                                 f"{', '.join(order.name for order in orders) or 'none'}. Nothing was cancelled.")
    return list({by_name[item.lower()].key: by_name[item.lower()] for item in ids}.values())


def _confirmed(count: int, address: str, domain: str) -> bool:
    if not sys.stdin.isatty():
        raise ConfigurationError("There is no terminal to confirm at: add --yes. Nothing was cancelled.")
    question = f"Cancel {count} order{'s' if count > 1 else ''} of {address} on {domain}? [y/N] "
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D
        print()
        return False


async def _cancel_found(domain: str, home: BotHome, wallet: Wallet, orders: Sequence[OpenOrder]) -> int:
    async with opened(domain, home.settings(domain)) as exchange:
        return await _cancel_all(exchange, wallet, home.data, orders)


async def _cancel_all(exchange: Exchange, wallet: Wallet, data: Path, orders: Sequence[OpenOrder]) -> int:
    """Cancel with a sender whose journal is its own; the bots' are untouched."""
    listing, rpc = await exchange.venue.listing_with({order.key.book for order in orders}), exchange.venue.rpc
    gas = GasLimits(gas_profile(exchange.network.chain_id), exchange.clock)
    journal = Journal(data / f"orders_{exchange.domain}_{wallet.address[2:10]}_{listing.engine[2:10]}.sqlite", exchange.clock)
    sender = TransactionSender(rpc, wallet, journal, exchange.clock,
                               FeePolicy(rpc, exchange.clock, cap=exchange.preferences.max_fee), exchange.network.chain_id,
                               transfer_gas=gas.profile.transfer)

    async def deposits(keys: Sequence[OrderKey], block: int) -> list[int]:
        return [order.deposit if order.owner == wallet.address else 0 for order in await exchange.venue.orders(keys, block)]

    await sender.start()
    try:
        # What an interrupted run sent ends by itself; the orders were read after it, so nothing depends on it.
        sender.settle(*sender.resumed)
        cancels = Cancels(listing, sender, gas, exchange.clock, deposits, rpc.block_number, {order.key for order in orders})
        tasks = [asyncio.ensure_future(cancels.cancel(order.key)) for order in orders]
        _, late = await asyncio.wait(tasks, timeout=CANCEL_TIMEOUT)
        for task in late:
            task.cancel()
    finally:
        await sender.stop()
        await journal.close()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for order, result in zip(orders, results):
        print(f"{order.name}  {_outcome(result)}")
    return 0 if all(isinstance(result, CancelResult) for result in results) else 1


def _outcome(result: CancelResult | BaseException) -> str:
    if isinstance(result, CancelResult):
        return f"cancelled in block {result.block_number}" if result.cancelled else "was gone already, filled or cancelled"
    if isinstance(result, (asyncio.CancelledError, OutcomeUnknownError)):
        return f"not confirmed within {CANCEL_TIMEOUT:.0f} s: run the command again to see what became of it"
    return f"NOT cancelled: {result}"


def _table(orders: Sequence[OpenOrder]) -> str:
    rows = [("ID", "SIDE", "PRICE", "AMOUNT LEFT", "LOCKED", "")]
    rows += [(order.name, "buy" if order.key.is_bid else "sell", f"{order.price.normalize():f}",
              f"{order.amount.normalize():f} {order.market.base.symbol}",
              f"{order.locked.normalize():f} {order.locked_token}", "of a bot" if order.of_a_bot else "")
             for order in orders]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
