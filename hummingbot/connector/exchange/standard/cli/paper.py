"""`paper`: let Hummingbot trade on paper on Standard, with play balances; its own commands cannot set that list."""
import argparse
import sys
from decimal import Decimal, InvalidOperation
from typing import Any

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS

PLAY_BALANCE = Decimal(1000)


def add_parser(subparsers: Any, words: str) -> argparse.ArgumentParser:
    """Add the command `paper`, which `words` describe, to the commands."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "paper", help=words,
        description="Write to Hummingbot's conf/conf_client.yml that paper trading may use the networks, as "
                    "<network>_paper_trade, and what the paper account holds. Needs no key, sends no transaction. A running bot "
                    "reads the file at its next start.")
    parser.add_argument("network", nargs="*", metavar="NETWORK",
                        help=f"of {', '.join(CONSTANTS.NETWORKS)} (default: all; a network that is named here and cannot be "
                             "reached costs every start an error line)")
    parser.add_argument("--balance", action="append", type=_balance, default=[], metavar="TOKEN=AMOUNT",
                        help=f"play money, once for each token (default: {PLAY_BALANCE} of a native token that has none yet)")
    parser.add_argument("--only", action="store_true", help="take all other exchanges off the list")
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Write the settings with Hummingbot's own means; returns the exit code, 1 for a network or a folder that is not there."""
    from hummingbot.client.config.config_helpers import load_client_config_map_from_file, save_to_yml
    from hummingbot.client.settings import CLIENT_CONFIG_PATH

    networks = arguments.network or list(CONSTANTS.NETWORKS)
    unknown = [name for name in networks if name not in CONSTANTS.NETWORKS]
    if unknown:
        print(f"There is no network {', '.join(unknown)}: choose of {', '.join(CONSTANTS.NETWORKS)}.", file=sys.stderr)
        return 1
    if not CLIENT_CONFIG_PATH.parent.is_dir():
        print(f"Hummingbot has no folder {CLIENT_CONFIG_PATH.parent} yet: make it first (see the README).", file=sys.stderr)
        return 1
    settings = load_client_config_map_from_file()
    listed = [] if arguments.only else [name for name in settings.paper_trade.paper_trade_exchanges if name not in networks]
    settings.paper_trade.paper_trade_exchanges = [*listed, *networks]
    held = {CONSTANTS.NETWORKS[name].native_symbol: float(PLAY_BALANCE) for name in networks}
    held |= settings.paper_trade.paper_trade_account_balance
    # Hummingbot keeps play money as floats.
    held |= {token: float(amount) for token, amount in arguments.balance}
    settings.paper_trade.paper_trade_account_balance = held
    save_to_yml(CLIENT_CONFIG_PATH, settings)
    print(f"{CLIENT_CONFIG_PATH}: paper trading on {', '.join(f'{name}_paper_trade' for name in networks)} with "
          f"{', '.join(f'{amount:g} {token}' for token, amount in held.items())}.")
    return 0


def _balance(text: str) -> tuple[str, Decimal]:
    token, _, amount = text.partition("=")
    try:
        number = Decimal(amount)
    except InvalidOperation:
        number = Decimal("NaN")
    if not token or not number.is_finite() or number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form TOKEN=AMOUNT")
    return token.upper(), number
