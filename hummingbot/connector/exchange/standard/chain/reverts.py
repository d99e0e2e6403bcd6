"""Why a mined transaction failed: told by its gas, or by simulating it again."""
from hummingbot.connector.exchange.standard.chain.intents import Intent
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient, call_object
from hummingbot.connector.exchange.standard.chain.rpc_errors import is_out_of_gas, revert_of
from hummingbot.connector.exchange.standard.chain.rpc_values import Receipt
from hummingbot.connector.exchange.standard.errors import ApiUnavailableError, RpcError

OUT_OF_GAS = "out of gas"
NO_REASON = "no reason found"
# A call inside a call gets at most 63 of 64 parts, so a failure inside may leave a little over one part.
_ALL_GAS_PERCENT = 98


async def revert_reason(rpc: RpcClient, account: str, intent: Intent, receipt: Receipt) -> str:
    """The reason in words: OUT_OF_GAS, the contract's error (`decode_revert`), or NO_REASON. Never raises for a bad node.

    The simulation runs on the state before the transaction's block, then after it, then on the newest; the first that
    fails tells.
    """
    if receipt.gas_used * 100 >= intent.gas_limit * _ALL_GAS_PERCENT:
        return OUT_OF_GAS
    call = call_object(intent.to, intent.data, account, intent.value, intent.gas_limit)
    blocks = (hex(max(0, receipt.block_number - 1)), hex(receipt.block_number), "latest")
    try:
        answers = await rpc.batch([("eth_call", [call, block]) for block in blocks])
    except (ApiUnavailableError, RpcError) as error:
        return f"{NO_REASON} ({error})"
    for answer in answers:
        if isinstance(answer, RpcError):
            if is_out_of_gas(answer):
                return OUT_OF_GAS
            revert = revert_of(answer)
            if revert is not None:
                return str(revert)
    return NO_REASON
