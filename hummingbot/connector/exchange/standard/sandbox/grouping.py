"""Order books in groups of prices, as the API and the streams show them (docs/protocol.md, "REST API")."""
from decimal import Decimal

from hummingbot.connector.exchange.standard.sandbox.pair_index import PairIndex
from hummingbot.connector.exchange.standard.sandbox.rows import OrderRow


def group_price(row: OrderRow, step: int) -> int:
    """The group that an order belongs to: its price x 1e8 rounded down to the step for a bid, up for an ask."""
    return (row.price // step if row.is_bid else -(-row.price // step)) * step


def grouped(pair: PairIndex, is_bid: bool, step: int, reach: int | None = None) -> dict[int, tuple[float, float]]:
    """Base and quote liquidity of one side by group price x 1e8; sums are rounded to 6 decimals on the way, and orders of
    less than 1e-6 or more than `reach` away from the market price do not count."""
    groups: dict[int, tuple[float, float]] = {}
    decimals = (pair.info.quote if is_bid else pair.info.base).decimals
    for row in pair.orders.values():
        amount = row.placed / 10 ** decimals
        if row.is_bid != is_bid or not row.queued or amount <= 1e-6 or (
                reach is not None and abs(row.price - pair.price) > reach):
            continue
        price = row.price / 1e8
        base, quote = groups.get(group_price(row, step), (0.0, 0.0))
        groups[group_price(row, step)] = (round(base + (amount / price if is_bid else amount), 6),
                                          round(quote + (amount if is_bid else amount * price), 6))
    return groups


def written_price(price: int) -> str:
    """A price x 1e8 as text."""
    return f"{Decimal(price) / 10 ** 8:f}"


def side_of_groups(groups: dict[int, tuple[float, float]], is_bid: bool) -> dict[str, object]:
    """One side as JSON: the groups, best first, with their shares and running sums."""
    base_total, quote_total = (round(sum(group[at] for group in groups.values()), 6) for at in (0, 1))
    buckets, base_sum, quote_sum = [], 0.0, 0.0
    for at in sorted(groups, reverse=is_bid):
        base, quote = groups[at]
        base_sum, quote_sum = round(base_sum + base, 6), round(quote_sum + quote, 6)
        share = 100 / base_total if base_total else 0.0
        buckets.append({"price": written_price(at), "baseLiquidity": base, "quoteLiquidity": quote,
                        "percentage": round(base * share, 4), "accumulatedBaseLiquidity": base_sum,
                        "accumulatedQuoteLiquidity": quote_sum, "accumulatedPercentage": round(base_sum * share, 4)})
    return {"side": "bid" if is_bid else "ask", "totalBaseLiquidity": base_total, "totalQuoteLiquidity": quote_total,
            "buckets": buckets}
