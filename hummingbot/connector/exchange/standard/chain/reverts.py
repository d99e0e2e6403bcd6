"""Why a mined transaction failed: told by its gas, or by simulating it again."""
from typing import Any

from hummingbot.connector.exchange.standard.chain.intents import Intent
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient, call_object
from hummingbot.connector.exchange.standard.chain.rpc_errors import is_out_of_gas, revert_of
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RpcError

OUT_OF_GAS = "out of gas"
NO_REASON = "no reason found"
# A call inside a call gets at most 63 of 64 parts, so a failure inside may leave a little over one part; one that is deeper
# leaves more, and is told by simulating it.
_ALL_GAS_PERCENT = 98
# As many times its own gas a call is simulated with too: what runs out then would run out whatever it was given.
_AMPLE = 8


async def revert_reason(rpc: RpcClient, account: str, intent: Intent, receipt: Receipt) -> str:
    """The reason in words: OUT_OF_GAS, the contract's error (`decode_revert`), or NO_REASON. Never raises for a bad node.

    The simulation runs on the state before the transaction's block, then after it, then on the newest; the first that
    fails tells. It runs with the transaction's own gas and with much more: where only the former fails, the gas ran out, also
    where that was in a call inside a call, which leaves gas over and says nothing.
    """
    if receipt.gas_used * 100 >= intent.gas_limit * _ALL_GAS_PERCENT:
        return OUT_OF_GAS
    calls = [call_object(intent.to, intent.data, account, intent.value, intent.gas_limit * times) for times in (1, _AMPLE)]
    blocks = (hex(max(0, receipt.block_number - 1)), hex(receipt.block_number), "latest")
    try:
        answers = await rpc.batch([("eth_call", [call, block]) for block in blocks for call in calls])
    except (ApiUnavailableError, RpcError) as error:
        return f"{NO_REASON} ({error})"
    for own, ample in zip(answers[::2], answers[1::2]):
        reason = _reason(own, ample)
        if reason is not None:
            return reason
    return NO_REASON


def _reason(own: Any, ample: Any) -> str | None:
    """What the answers to a call with the transaction's own gas and with more than enough tell together."""
    if not isinstance(ample, RpcError):
        return OUT_OF_GAS if _failure(own) is not None else None
    told = _failure(ample)
    return _failure(own) if told is None else told  # a node may simulate no more than so much gas


def _failure(answer: Any) -> str | None:
    """Why a simulated call failed; None when it did not, or when the node could not simulate it."""
    if not isinstance(answer, RpcError):
        return None
    if is_out_of_gas(answer):
        return OUT_OF_GAS
    revert = revert_of(answer)
    return None if revert is None else str(revert)
