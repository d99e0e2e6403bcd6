"""`sandbox`: a whole Standard exchange on this machine, for trying things out and for tests."""
import argparse
import asyncio
import contextlib
import errno
import signal
import sys
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from hummingbot.connector.exchange.standard.cli import replay
from hummingbot.connector.exchange.standard.sandbox.api_rows import ApiSettings, BlocksShape, checksummed
from hummingbot.connector.exchange.standard.sandbox.deployment import DEFAULT_PAIRS, MOST_PAIRS, Generation
from hummingbot.connector.exchange.standard.sandbox.engine_state import Spread
from hummingbot.connector.exchange.standard.sandbox.gas import GasSchedule
from hummingbot.connector.exchange.standard.sandbox.indexer import IndexerSettings
from hummingbot.connector.exchange.standard.sandbox.node import Mining, NodeSettings
from hummingbot.connector.exchange.standard.sandbox.server import DEFAULT_HOST, DEFAULT_PORT, Sandbox, SandboxSettings
from hummingbot.connector.exchange.standard.sandbox.stream_connection import Layout, StreamSettings
from hummingbot.connector.exchange.standard.sandbox.traders import TraderSettings


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Tells defaults where there is something to tell."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False) else super()._get_help_string(action)


def add_parser(subparsers: Any, words: str) -> argparse.ArgumentParser:
    """Add the command `sandbox`, which `words` describe, to the commands."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "sandbox", help=words,
        description="Run a whole Standard exchange on this machine: a chain with the exchange's contracts, its JSON-RPC node, "
                    "the REST API, and other traders. Nothing leaves the machine and all money is play money. Ends with "
                    "Ctrl-C.",
        formatter_class=_HelpFormatter)
    _add_server(parser.add_argument_group("server"))
    _add_chain(parser.add_argument_group("chain and exchange"))
    _add_traders(parser.add_argument_group("other traders"))
    _add_api(parser.add_argument_group("REST API"))
    parser.set_defaults(run=run)
    replay.add_parser(parser.add_subparsers(title="instead of serving", metavar="[COMMAND]"))
    return parser


def _add_server(group: Any) -> None:
    group.add_argument("--port", type=_whole(0, 65535), default=DEFAULT_PORT, help="port of everything, 0 for a free one")
    group.add_argument("--host", default=DEFAULT_HOST, help="address to listen on")
    group.add_argument("--allow-remote", action="store_true",
                       help="accept a host that other machines reach; whoever reaches it controls the sandbox")


def _add_chain(group: Any) -> None:
    group.add_argument("--seed", type=_whole(0), default=1, help="same seed, same traders")
    group.add_argument("--mining", choices=[mode.value for mode in Mining], default="interval", help="when blocks come")
    group.add_argument("--interval", type=_number(0.001, 3600), default=0.1, metavar="SECONDS", help="time between blocks")
    group.add_argument("--history-blocks", type=_whole(100), default=10_000, metavar="BLOCKS",
                       help="how many blocks stay known; at hundreds of transactions a second fewer keep memory small")
    group.add_argument("--pairs", type=_whole(1, MOST_PAIRS), default=DEFAULT_PAIRS, metavar="COUNT",
                       help=f"how many markets, up to {MOST_PAIRS}")
    group.add_argument("--generation", choices=[item.value for item in Generation], default="2025-08",
                       help="which contracts run")
    group.add_argument("--gas", choices=[item.name.lower() for item in GasSchedule], default="ethereum",
                       help="whose gas schedule")
    group.add_argument("--limit-spread", type=_percent, metavar="PERCENT",
                       help="how far limit orders may reach (default: 3)")
    group.add_argument("--market-spread", type=_percent, metavar="PERCENT",
                       help="how far market orders may reach (default: 1)")
    group.add_argument("--maker-fee", type=_percent, metavar="PERCENT", help="what makers pay (default: 0.1)")
    group.add_argument("--taker-fee", type=_percent, metavar="PERCENT", help="what takers pay (default: 0.1)")


def _add_traders(group: Any) -> None:
    group.add_argument("--no-traders", action="store_true", help="leave the books empty")
    group.add_argument("--rate", type=_number(0, 10_000), metavar="PER_SECOND",
                       help="transactions per second of all traders together (default: 9)")
    group.add_argument("--volatility", type=_number(0, 100), default=0.02, metavar="PERCENT",
                       help="of the fair price, per square root of a second")


def _add_api(group: Any) -> None:
    group.add_argument("--lag", type=_number(0, 3600), default=0.0, metavar="SECONDS", help="how late the API knows of blocks")
    group.add_argument("--missing", type=_number(0, 100), default=0.0, metavar="PERCENT",
                       help="of the order and trade rows that never appear")
    group.add_argument("--stale-dust", action="store_true",
                       help="keep the rows of orders that the contract deletes without an event, as an event indexer does")
    group.add_argument("--singular-history-keys", action="store_true",
                       help="orderHistory and tradeHistory instead of orderHistories and tradeHistories")
    group.add_argument("--bare-tokens", action="store_true", help="token lists without the paging object around them")
    group.add_argument("--lower-case", action="store_true", help="addresses in lower case instead of checksummed")
    group.add_argument("--page-size-text", action="store_true", help="pageSize as a text")
    group.add_argument("--trades-path", choices=["both", "pair", "plain"], default="both",
                       help="/api/trades/pair/{base}/{quote}/…, /api/trades/{base}/{quote}/…, or both")
    group.add_argument("--blocks", choices=[shape.value for shape in BlocksShape], default="grouped",
                       help="shape of /api/orderbook/blocks")
    group.add_argument("--stream-layout", choices=[layout.value for layout in Layout], default="docs",
                       help="how the WebSocket /ws/spot writes its frames")
    group.add_argument("--documented-rows", action="store_true", help="rows as published in the API's schema")


def _whole(least: int, most: int | None = None) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
            bound = f"from {least} to {most}" if most is not None else f"of at least {least}"
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {bound}")
        return int(text)
    return parse


def _number(least: float, most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least:g} to {most:g}")
        return value
    return parse


def _percent(text: str) -> int:
    """Per cent as the engine's parts of 1e8."""
    try:
        parts = Decimal(text) * 10 ** 6
    except InvalidOperation:
        parts = Decimal(-1)
    if not parts.is_finite() or not 0 <= parts <= 10 ** 8 or parts != parts.to_integral_value():
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage from 0 to 100 with at most 6 decimals")
    return int(parts)


def settings_of(arguments: argparse.Namespace) -> SandboxSettings:
    """The settings that the arguments mean."""
    traders = TraderSettings(enabled=not arguments.no_traders, volatility=arguments.volatility / 100)
    if arguments.rate is not None:
        traders = traders.at_rate(arguments.rate, arguments.pairs)
    missing = arguments.missing / 100
    return SandboxSettings(
        host=arguments.host, port=arguments.port, allow_remote=arguments.allow_remote, seed=arguments.seed,
        mining=Mining(arguments.mining), block_interval=arguments.interval, pairs=arguments.pairs,
        generation=Generation(arguments.generation), gas=GasSchedule[arguments.gas.upper()], maker_fee=arguments.maker_fee,
        taker_fee=arguments.taker_fee,
        limit_spread=None if arguments.limit_spread is None else Spread(arguments.limit_spread, arguments.limit_spread),
        market_spread=None if arguments.market_spread is None else Spread(arguments.market_spread, arguments.market_spread),
        traders=traders, node=NodeSettings(history_blocks=arguments.history_blocks),
        indexer=IndexerSettings(lag_seconds=arguments.lag, missing_orders=missing, missing_trades=missing,
                                exact=not arguments.stale_dust, seed=arguments.seed),
        api=ApiSettings(plural_history_keys=not arguments.singular_history_keys, wrapped_tokens=not arguments.bare_tokens,
                        checksummed_addresses=not arguments.lower_case, page_size_as_string=arguments.page_size_text,
                        trades_pair_path=arguments.trades_path != "plain", trades_plain_path=arguments.trades_path != "pair",
                        blocks_shape=BlocksShape(arguments.blocks), documented_rows=arguments.documented_rows),
        streams=StreamSettings(layout=Layout(arguments.stream_layout)))


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM; returns the exit code: 0, or 2 when it could not start, or 1 when it broke."""
    try:
        return asyncio.run(_serve(settings_of(arguments)))
    except ValueError as error:
        print(f"The sandbox cannot start: {error}.", file=sys.stderr)
    except OSError as error:
        reason = (f"port {arguments.port} is in use; stop what uses it or choose another with --port"
                  if error.errno == errno.EADDRINUSE else error.strerror or str(error))
        print(f"The sandbox cannot start: {reason}.", file=sys.stderr)
    except KeyboardInterrupt:
        return 0
    return 2


async def _serve(settings: SandboxSettings) -> int:
    sandbox = Sandbox(settings)
    loop = asyncio.get_running_loop()
    async with sandbox:
        # Nothing is awaited between listening and this, so whoever gets an answer finds the text complete.
        print(welcome(sandbox), flush=True)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, sandbox.stopped.set)
        await sandbox.stopped.wait()
    with contextlib.suppress(BrokenPipeError):
        print("The sandbox has stopped.", flush=True)
    return 1 if sandbox.failure is not None else 0


def welcome(sandbox: Sandbox) -> str:
    """What a person needs to use the sandbox."""
    newcomer = sandbox.accounts[0]
    lines = [
        f"A Standard exchange runs at {sandbox.url} (chain {sandbox.node.settings.chain_id}).", "",
        f"  look at it     {sandbox.url}/  (in a browser)",
        f"  JSON-RPC       {sandbox.rpc_url}",
        f"  REST API       {sandbox.api_url}/api",
        f"  WebSocket      {sandbox.channels_url}, {sandbox.spot_streams_url}, {sandbox.url.replace('http', 'ws', 1)}/ws (node)",
        f"  switches       {sandbox.url}/admin/state, {sandbox.url}/admin/faults",
        f"  engine         {checksummed(sandbox.engine_address)}"]
    for market in sandbox.markets:
        price = Decimal(sandbox.view.market_price(market.book)) / 10 ** 8
        lines.append(f"  market         {market.trading_pair} at {price.normalize():f}, book {checksummed(market.book)}")
    holdings = [f"{sandbox.node.balance(newcomer.address) // 10 ** 18:,} SOMI"]
    tokens = {token.address: token for market in sandbox.markets for token in (market.base, market.quote)}
    for token in tokens.values():
        if token.address != sandbox.view.wrapped_native():
            holdings.append(f"{sandbox.view.balance(token.address, newcomer.address) // 10 ** token.decimals:,} {token.symbol}")
    lines += ["", "Your test account (its key is public, never use it elsewhere):",
              f"  address        {checksummed(newcomer.address)}", f"  private key    {newcomer.private_key}",
              f"  balances       {', '.join(holdings)}", "",
              "In Hummingbot: connect standard_sandbox, then paste the private key."]
    if sandbox.settings.port != DEFAULT_PORT:
        lines.append(f"Before that, set STANDARD_SANDBOX_RPC_URL and STANDARD_SANDBOX_API_URL to {sandbox.url}.")
    return "\n".join([*lines, "", "Ctrl-C stops the sandbox; nothing is kept."])
