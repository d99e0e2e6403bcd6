"""The dialects of nodes, one line each."""
import pytest

from hummingbot.connector.exchange.standard.chain.engine import Revert
from hummingbot.connector.exchange.standard.chain.rpc_errors import (
    SendError,
    classify_send,
    is_log_range,
    is_method_missing,
    is_out_of_gas,
    is_rate_limit,
    revert_of,
)
from hummingbot.connector.exchange.standard.errors import RpcError


def error(message: str, code: int = -32000, data: object = None) -> RpcError:
    return RpcError("eth_method", code, message, data)


SEND = [
    # geth and its relatives
    (-32000, "already known", SendError.ALREADY_KNOWN),
    (-32000, "known transaction: 3fca", SendError.ALREADY_KNOWN),
    (-32000, "nonce too low: next nonce 8, tx nonce 7", SendError.NONCE_TOO_LOW),
    (-32000, "nonce too low: address 0xAB, tx: 7 state: 8", SendError.NONCE_TOO_LOW),
    (-32000, "nonce too high: address 0xAB, tx: 9 state: 7", SendError.NONCE_TOO_HIGH),
    (-32000, "replacement transaction underpriced", SendError.REPLACEMENT_UNDERPRICED),
    (-32000, "replacement transaction underpriced: new tx gas fee cap 7 < 8 queued", SendError.REPLACEMENT_UNDERPRICED),
    (-32000, "transaction underpriced", SendError.FEE_TOO_LOW),
    (-32000, "transaction underpriced: gas tip cap 0, minimum needed 1", SendError.FEE_TOO_LOW),
    (-32000, "max fee per gas less than block base fee: address 0xAB, maxFeePerGas: 1, baseFee: 7", SendError.FEE_TOO_LOW),
    (-32000, "insufficient funds for gas * price + value: address 0xAB have 1 want 2", SendError.INSUFFICIENT_FUNDS),
    (-32000, "insufficient funds for gas * price + value: balance 1, queued cost 5, tx cost 2, overshot 6",
     SendError.INSUFFICIENT_FUNDS),
    (-32000, "intrinsic gas too low: gas 20000, minimum needed 21000", SendError.REFUSED),
    (-32000, "exceeds block gas limit", SendError.REFUSED),
    (-32000, "tx fee (1.80 ether) exceeds the configured cap (1.00 ether)", SendError.REFUSED),
    (-32000, "invalid sender", SendError.REFUSED),
    (-32000, "only replay-protected (EIP-155) transactions allowed over RPC", SendError.REFUSED),
    (-32000, "transaction type not supported", SendError.REFUSED),
    (-32000, "max priority fee per gas higher than max fee per gas: address 0xAB", SendError.REFUSED),
    (-32000, "invalid chain id for signer: have 1 want 5031", SendError.REFUSED),
    (-32000, "txpool is full", SendError.BUSY),
    (-32000, "in-flight transaction limit reached for delegated accounts", SendError.BUSY),
    # nethermind
    (-32010, "AlreadyKnown", SendError.ALREADY_KNOWN),
    (-32010, "OldNonce, Current nonce: 8, nonce of rejected tx: 7", SendError.NONCE_TOO_LOW),
    (-32010, "NonceGap, Future nonce. Expected nonce: 7", SendError.NONCE_TOO_HIGH),
    (-32010, "ReplacementNotAllowed", SendError.REPLACEMENT_UNDERPRICED),
    (-32010, "InsufficientFunds, Account balance: 0, cumulative cost: 5", SendError.INSUFFICIENT_FUNDS),
    (-32010, "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 7", SendError.FEE_TOO_LOW),
    (-32010, "GasLimitExceeded, Gas limit: 1, gas limit of rejected tx: 2", SendError.REFUSED),
    # erigon, besu, reth, parity
    (-32000, "ALREADY_EXISTS: already known", SendError.ALREADY_KNOWN),
    (-32000, "could not replace existing tx", SendError.REPLACEMENT_UNDERPRICED),
    (-32001, "Nonce too low", SendError.NONCE_TOO_LOW),
    (-32004, "Upfront cost exceeds account balance", SendError.INSUFFICIENT_FUNDS),
    (-32006, "Transaction nonce is too distant from current sender nonce", SendError.NONCE_TOO_HIGH),
    (-32009, "Gas price below configured minimum gas price", SendError.FEE_TOO_LOW),
    (-32010, "Transaction with the same hash was already imported.", SendError.ALREADY_KNOWN),
    (-32010, "Transaction gas price is too low. There is another transaction with same nonce in the queue. Gas price too low "
             "to replace", SendError.REPLACEMENT_UNDERPRICED),
    (-32010, "Transaction nonce is too low. Try incrementing the nonce.", SendError.NONCE_TOO_LOW),
    (-32003, "insufficient funds for gas * price + value", SendError.INSUFFICIENT_FUNDS),
    # fast chains and gateways
    (-32000, "nonce too low", SendError.NONCE_TOO_LOW),
    (-32000, "transaction already in mempool", SendError.ALREADY_KNOWN),
    (-32000, "Transaction already exists in pool", SendError.ALREADY_KNOWN),
    (-32000, "invalid nonce; got 7, expected 8", SendError.NONCE_TOO_LOW),
    (-32000, "account does not have enough funds: not enough balance", SendError.INSUFFICIENT_FUNDS),
    (-32005, "limit exceeded", SendError.BUSY),
    (429, "Too Many Requests", SendError.BUSY),
    (-32005, "x", SendError.BUSY),
    # what proves nothing
    (-32603, "Internal error", SendError.UNKNOWN),
    (-32000, "timeout", SendError.UNKNOWN),
    (-32000, "upstream connection reset", SendError.UNKNOWN),
    (0, "", SendError.UNKNOWN),
    (-32603, "failed to decode response from upstream", SendError.UNKNOWN),
    (-32000, "failed to decode signed transaction", SendError.REFUSED),
    (-32000, "unknown transaction type", SendError.UNKNOWN),
    (-32010, "Transaction gas price supplied is too low. There is another transaction with same nonce in the queue. Try "
     "increasing the gas price or incrementing the nonce.", SendError.REPLACEMENT_UNDERPRICED),
]


@pytest.mark.parametrize("code, message, kind", SEND)
def test_the_answer_to_a_send_is_understood(code: int, message: str, kind: SendError) -> None:
    assert classify_send(error(message, code)) is kind


@pytest.mark.parametrize("code, message, limited, too_long", [
    (-32005, "daily request count exceeded, request rate limited", True, False),
    (429, "your app has exceeded its compute units per second capacity", True, False),
    (-32005, "query returned more than 10000 results", False, True),
    (-32000, "block range is too wide", False, True),
    (-32000, "exceed maximum block range: 1000", False, True),
    (-32602, "eth_getLogs is limited to 1000 blocks", False, True),
    (-32000, "block range exceeds 1000", False, True),
    (-32000, "execution reverted", False, False),
])
def test_limits_are_told_apart(code: int, message: str, limited: bool, too_long: bool) -> None:
    assert (is_rate_limit(error(message, code)), is_log_range(error(message, code))) == (limited, too_long)


TFF = "0x08c379a0" + f"{32:064x}{3:064x}" + b"TFF".hex().ljust(64, "0")


@pytest.mark.parametrize("message, code, data, expected", [
    ("execution reverted: TFF", 3, TFF, Revert("Error", ("TFF",))),
    ("execution reverted: TFF", -32000, None, Revert("Error", ("TFF",))),
    ("VM execution error.", -32015, "Reverted " + TFF, Revert("Error", ("TFF",))),
    ("execution reverted", 3, {"data": "0x43ad20fc"}, Revert("AmountIsZero", ())),
    ("execution reverted", -32000, {"result": "0x43ad20fc"}, Revert("AmountIsZero", ())),
    ("execution reverted", 3, "0x", Revert("", ())),
    ("execution reverted", 3, None, Revert("", ())),
    ("execution reverted", 3, "0x12345678", Revert("", (bytes.fromhex("12345678"),))),
    ("out of gas", -32000, None, Revert("", ())),
    ("header not found", -32000, None, None),
    ("missing trie node", -32000, {"hint": "prune"}, None),
    ("missing trie node", -32000, "no such state", None),
    ("missing trie node", -32000, None, None),
])
def test_a_revert_is_found_wherever_the_node_puts_it(message: str, code: int, data: object, expected: Revert | None) -> None:
    assert revert_of(error(message, code, data)) == expected


def test_missing_methods_and_exhausted_gas() -> None:
    assert is_method_missing(error("x", -32601))
    assert is_method_missing(error("the method eth_foo does not exist/is not available"))
    assert not is_method_missing(error("execution reverted"))
    assert is_out_of_gas(error("out of gas")) and is_out_of_gas(error("gas required exceeds allowance: insufficient gas"))
    assert not is_out_of_gas(error("execution reverted"))
