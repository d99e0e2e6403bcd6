"""What the simulation's checks let pass, and what not: here the rule that a nonce's transactions replace each other."""
import json
from types import SimpleNamespace

from hummingbot.connector.exchange.standard.chain.signing import Fees, Wallet
from simulation.invariants import Invariants
from simulation.trace import Trace

CHAIN = 31337
KEY = "0x" + "42" * 32


def watched() -> Invariants:
    world = SimpleNamespace(network=SimpleNamespace(), trace=Trace(lambda: 0.0),
                            sandbox=SimpleNamespace(node=SimpleNamespace(settings=SimpleNamespace(chain_id=CHAIN))))
    return Invariants(world, KEY)  # type: ignore[arg-type]


def request(value: int, max_fee: int = 10) -> bytes:
    signed = Wallet(KEY).sign_transaction(chain_id=CHAIN, nonce=3, to="0x" + "11" * 20, value=value, data=b"", gas_limit=21_000,
                                          fees=Fees(max_fee, 0))
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
