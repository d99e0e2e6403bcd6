"""What the simulation's checks let pass, and what not: here the rules for nonces and for trades."""
import json
from decimal import Decimal
from types import SimpleNamespace

import pytest

from hummingbot.connector.exchange.standard.chain.signing import Fees, Wallet
from hummingbot.core.data_type.common import OrderType, TradeType
from hummingbot.core.data_type.trade_fee import AddedToCostTradeFee
from hummingbot.core.event.events import OrderFilledEvent
from simulation.invariants import Invariants
from simulation.replaced import Replaced
from simulation.trace import Trace

CHAIN = 31337
KEY = "0x" + "42" * 32
MINED: dict[str, object] = {}


def watched(again: list[tuple[int, int]] | None = None, used: int = 3) -> Invariants:
    node = SimpleNamespace(settings=SimpleNamespace(chain_id=CHAIN), history=SimpleNamespace(receipt=MINED.get),
                           nonce=lambda address: used)
    told = again if again is not None else []
    world = SimpleNamespace(network=SimpleNamespace(), trace=Trace(lambda: 0.0), loop=SimpleNamespace(time=lambda: 0.0),
                            replaced=Replaced("0xe", "0xa", lambda: 0.0), sandbox=SimpleNamespace(node=node),
                            comparison=SimpleNamespace(sent_again=lambda nonce, anew: told.append((nonce, anew))))
    return Invariants(world, KEY, "a key")  # type: ignore[arg-type]


def request(value: int, max_fee: int = 10, data: bytes = b"", nonce: int = 3) -> bytes:
    signed = Wallet(KEY).sign_transaction(chain_id=CHAIN, nonce=nonce, to="0x" + "11" * 20, value=value, data=data,
                                          gas_limit=21_000, fees=Fees(max_fee, 0))
    return json.dumps([{"id": 8, "method": "eth_sendRawTransaction", "params": ["0x" + signed.raw.hex()]}]).encode()


def violation(invariants: Invariants) -> str:
    return "" if invariants._problem is None else str(invariants._problem)


def test_two_transactions_of_a_nonce_with_one_fee_are_a_violation_and_a_higher_fee_is_none() -> None:
    invariants = watched()
    invariants._sent(request(1))
    invariants._sent(request(2, max_fee=11))
    assert violation(invariants) == ""
    invariants._sent(request(3, max_fee=11))
    assert "nonce 3" in violation(invariants)


def test_what_the_node_refused_and_never_had_need_not_be_replaced() -> None:
    invariants = watched()
    invariants._sent(request(1))
    invariants._answered(request(1), b'[{"id": 8, "error": {"code": -32000, "message": "replacement underpriced"}}]')
    invariants._sent(request(2))
    assert violation(invariants) == ""


def test_what_the_node_took_once_is_replaced_although_it_refuses_it_now() -> None:
    invariants = watched()
    invariants._sent(request(1))
    invariants._answered(request(1), b'[{"id": 8, "result": "0x00"}]')
    invariants._answered(request(1), b'[{"id": 8, "error": {"code": -32000, "message": "already known"}}]')
    invariants._sent(request(2))
    assert "nonce 3" in violation(invariants)


def test_what_the_node_took_without_a_word_is_replaced_too() -> None:
    invariants = watched()
    invariants._sent(request(1))
    invariants._took(request(1))
    invariants._answered(request(1), b'[{"id": 8, "error": {"code": -32000, "message": "already known"}}]')
    invariants._sent(request(2))
    assert "nonce 3" in violation(invariants)


def test_a_gap_may_be_filled_that_only_a_node_behind_has(monkeypatch: pytest.MonkeyPatch) -> None:
    invariants = watched()
    invariants._sent(request(1, data=b"one order"))
    monkeypatch.setitem(MINED, next(iter(invariants._by_nonce[3])), "a receipt")
    invariants._sent(request(0))
    assert violation(invariants) == ""


def test_a_nonce_is_freed_by_a_transfer_and_never_used_for_another_order() -> None:
    invariants = watched()
    invariants._sent(request(1, data=b"one order"))
    invariants._sent(request(1, max_fee=11, data=b"one order"))
    invariants._sent(request(0, max_fee=12))
    assert violation(invariants) == ""
    invariants._sent(request(1, max_fee=13, data=b"another"))
    assert "nonce 3 is used for two things" in violation(invariants)


def test_an_order_that_lost_its_nonce_to_a_stranger_is_the_same_with_another_nonce(monkeypatch: pytest.MonkeyPatch) -> None:
    again: list[tuple[int, int]] = []
    invariants = watched(again, used=4)
    invariants._sent(request(1, data=b"one order"))
    invariants._sent(request(1, data=b"another", nonce=4))
    assert again == []
    invariants._sent(request(1, data=b"one order", nonce=5))
    assert again == [(3, 5)]
    again.clear()
    monkeypatch.setitem(MINED, next(iter(invariants._all_sent[3])), "a receipt")
    invariants._sent(request(1, data=b"one order", nonce=6))
    assert again == []  # both are on the chain: two orders


def test_a_nonce_that_nobody_has_used_was_not_lost() -> None:
    again: list[tuple[int, int]] = []
    invariants = watched(again, used=3)
    invariants._sent(request(1, data=b"one order"))
    invariants._sent(request(1, data=b"one order", nonce=4))
    assert again == []


def fill(order_id: str, side: TradeType = TradeType.SELL) -> OrderFilledEvent:
    return OrderFilledEvent(1.0, order_id, "SOMI-USDC", side, OrderType.LIMIT, Decimal(1), Decimal(1),
                            AddedToCostTradeFee(), exchange_trade_id="0xb:7")


def test_a_trade_is_told_of_one_order_of_a_side() -> None:
    invariants = watched()
    for event in (fill("a"), fill("a"), fill("b", TradeType.BUY)):
        invariants.after_event(event)
    assert violation(invariants) == ""
    invariants.after_event(fill("b"))
    assert "I4" in violation(invariants)


def test_what_was_told_of_a_replaced_trade_counts_for_nothing() -> None:
    invariants = watched()
    invariants.trade_removed("0xb:7")
    for event in (fill("a"), fill("b")):
        invariants.after_event(event)
    assert violation(invariants) == ""
