"""Checks of the wallet: money for gas, balances, allowances, transactions that wait, and orders that nobody looks after."""
import asyncio
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from hummingbot.connector.exchange.standard.chain.addresses import to_checksum
from hummingbot.connector.exchange.standard.chain.allowances import EXACT, MANUAL, UNLIMITED
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.cli.checks.bot import bots, forgotten
from hummingbot.connector.exchange.standard.cli.checks.exchange import Gas
from hummingbot.connector.exchange.standard.cli.checks.findings import Finding, failed, passed, warned
from hummingbot.connector.exchange.standard.cli.exchange import Exchange
from hummingbot.connector.exchange.standard.cli.journals import BotJournal, journals
from hummingbot.connector.exchange.standard.cli.orders import open_orders
from hummingbot.connector.exchange.standard.errors import ConfigurationError
from hummingbot.connector.exchange.standard.listing import Listing
from hummingbot.connector.exchange.standard.markets import Token

# What these may cost pays for two transactions full of cancels.
_FEW_ORDERS = 10


async def wallet(exchange: Exchange, listing: Listing, address: str, gas: Gas, data: Path) -> list[Finding]:
    """All checks of a wallet; `data` is where its bots keep their journals."""
    native, units, _ = await exchange.venue.balances(address)
    known = journals(data, exchange.domain, address)
    return [await _account(exchange, address, any(journal.in_use for journal in known)), _gas_money(exchange, native, gas),
            *await _tokens(exchange, listing, address, native, dict(units)),
            *await _wrapped(exchange, listing, address), *bots(known, exchange.clock.time()),
            *await forgotten(exchange, known, listing.engine),
            *await _orders(exchange, address, known, data.parent)]


async def _account(exchange: Exchange, address: str, bot_runs: bool) -> Finding:
    rpc = exchange.venue.rpc
    mined, waiting, code = await asyncio.gather(rpc.nonce(address), rpc.nonce(address, "pending"), rpc.code(address))
    detail = f"{to_checksum(address)}, {mined} transactions so far"
    if code:
        return warned("wallet", f"{detail}; it has code of its own",
                      "The engine pays native tokens with very little gas: use a plain wallet.")
    if waiting > mined and not bot_runs:
        return warned("wallet", f"{detail}, {waiting - mined} wait to be mined",
                      "Something is sending with this wallet, or its transactions offer too little for gas. A bot that is "
                      "started again takes up its own.")
    return passed("wallet", detail)


def _gas_money(exchange: Exchange, native: int, gas: Gas) -> Finding:
    symbol, reserve = exchange.network.native_symbol, int(exchange.preferences.gas_reserve.scaleb(18))
    held = f"{_amount(Decimal(native).scaleb(-18))} {symbol}"
    if native < gas.order:
        return failed("gas money", f"{held}, which does not pay for one transaction",
                      f"Send the wallet some {symbol}: every order and every cancel costs gas.")
    pays = f"the reserve of {_amount(exchange.preferences.gas_reserve)} pays at least {reserve // gas.order} orders" \
        if gas.order else "gas costs nothing"
    orders = f"{held}; {pays}"
    if native <= reserve:
        return warned("gas money", f"{orders}, and there is no more than it",
                      f"All of it is kept for gas, so no {symbol} is offered for trading. Send more, or lower "
                      f"{exchange.domain}_gas_reserve.")
    if reserve < gas.order * _FEW_ORDERS:
        return warned("gas money", orders, f"Raise {exchange.domain}_gas_reserve, or selling {symbol} may leave too little to "
                                           "cancel with.")
    return passed("gas money", orders)


async def _tokens(exchange: Exchange, listing: Listing, address: str, native: int, units: dict[str, int]) -> list[Finding]:
    """The balance of each token that the wallet holds, and what the engine may pull of it."""
    held = [token for token in listing.tokens.values() if units.get(token.address)]
    answers = await exchange.venue.rpc.call_many(
        [(token.address, ERC20_FUNCTIONS["allowance"].encode(address, listing.engine)) for token in held])
    approval = exchange.preferences.approval
    findings = [_token(token, units[token.address], answer, approval) for token, answer in zip(held, answers)]
    if not held and native == 0:
        findings.append(warned("balances", "the wallet holds none of the listed tokens", "Send it what it is to trade."))
    return findings


def _token(token: Token, units: int, answer: object, approval: str) -> Finding:
    check, detail = f"balance {token.symbol}", _amount(token.from_units(units))
    if not isinstance(answer, bytes):
        return warned(check, f"{detail}; the allowance cannot be read", "The token may not be tradable.")
    allowance = int.from_bytes(answer, "big")
    if allowance >= UNLIMITED // 2:
        return passed(check, f"{detail}; allowance unlimited")
    if allowance >= units:
        return passed(check, f"{detail}; allowance {_amount(token.from_units(allowance))}")
    now = f"is {_amount(token.from_units(allowance))}" if allowance else "is not given yet"
    if approval == MANUAL:
        return warned(check, f"{detail}; the allowance {now}, and is to be given by hand",
                      "Approve the engine for what is to be traded, or change the setting `approval`.")
    much = "what it needs" if approval == EXACT else "a limitless one"
    return passed(check, f"{detail}; the allowance {now}, the first order that needs it asks for {much}")


async def _wrapped(exchange: Exchange, listing: Listing, address: str) -> list[Finding]:
    answer = await exchange.venue.rpc.eth_call(listing.native_token, ERC20_FUNCTIONS["balanceOf"].encode(address))
    units = int.from_bytes(answer, "big")
    if units == 0:
        return []
    symbol = exchange.network.native_symbol
    held = f"{_amount(Decimal(units).scaleb(-18))} are wrapped as {to_checksum(listing.native_token)}"
    return [warned(f"wrapped {symbol}", held,
                   f"The connector trades native {symbol} and does not count these: unwrap them (`withdraw`).")]


async def _orders(exchange: Exchange, address: str, known: Sequence[BotJournal], home: Path) -> list[Finding]:
    try:
        orders, gaps = await open_orders(exchange.venue, address, known)
    except ConfigurationError as error:
        return [warned("open orders", str(error), "Check the settings.")]
    findings = []
    running = any(journal.in_use for journal in known)
    strangers = [order for order in orders if not order.of_a_bot]
    names = ", ".join(order.name for order in strangers[:10]) + (", …" if len(strangers) > 10 else "")
    if strangers and running:
        findings.append(passed("open orders", f"{len(orders)}; {len(strangers)} are a bot's newest, or nobody's: {names}"))
    elif strangers:
        findings.append(warned("open orders", f"{len(strangers)} of {len(orders)} belong to no bot of {home}: {names}",
                               "A bot that was killed takes up its own at its next start. Else, if no bot elsewhere has them: "
                               "`orders` lists them, `orders cancel` cancels them."))
    else:
        none = "none found" if gaps else "none"
        findings.append(passed("open orders", f"{len(orders)}, all of them known to the bot" if orders else none))
    return findings + [warned("open orders", gap, "The list may be incomplete.") for gap in gaps]


def _amount(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
