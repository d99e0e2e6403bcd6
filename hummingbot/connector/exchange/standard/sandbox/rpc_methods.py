"""The JSON-RPC methods of a node. Each takes the list of parameters and returns what stands under "result"."""
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.sandbox.blocks import ZERO_HASH, MinedBlock
from hummingbot.connector.exchange.standard.sandbox.filters import Filters
from hummingbot.connector.exchange.standard.sandbox.node import Node
from hummingbot.connector.exchange.standard.sandbox.rpc_values import (
    SERVER_ERROR,
    Json,
    RpcFailure,
    address,
    block_json,
    hash32,
    hex_bytes,
    invalid,
    log_filter,
    log_json,
    mined_block_json,
    quantity,
    receipt_json,
    reverted,
    transaction_json,
)
from hummingbot.connector.exchange.standard.sandbox.transactions import TransactionRejected
from hummingbot.connector.exchange.standard.sandbox.world import Message, Outcome

FEE_HISTORY_BLOCKS = 1024
_NOBODY = "0x" + "00" * 20
_NEWEST = ("latest", "safe", "finalized", None)

Method = Callable[[Sequence[Any]], Any]


class State(TypedDict, total=False):
    """Which state a node is asked about: after what waits, after a block, or after the newest."""

    pending: bool
    number: int


class AnswerLost(Exception):
    """The request was carried out and its answer must not arrive."""


class Methods:
    """The methods of one node by name. `max_log_blocks` is how many blocks one log query may span, `hex_net_version`
    makes net_version answer in hexadecimal, as Somnia's nodes do (docs/protocol.md, "Chain behaviour and gas")."""

    def __init__(self, node: Node, clock: Clock, *, hex_net_version: bool = False, max_log_blocks: int = 1000) -> None:
        self._node = node
        self._filters = Filters(node, clock)
        self._max_log_blocks = max_log_blocks
        chain_id = node.settings.chain_id
        table: dict[str, tuple[int, int, Method]] = {
            "eth_chainId": (0, 0, lambda _: hex(chain_id)),
            "net_version": (0, 0, lambda _: hex(chain_id) if hex_net_version else str(chain_id)),
            "net_listening": (0, 0, lambda _: True),
            "web3_clientVersion": (0, 0, lambda _: "StandardSandbox/v1"),
            "eth_syncing": (0, 0, lambda _: False),
            "eth_accounts": (0, 0, lambda _: []),
            "eth_blockNumber": (0, 0, lambda _: hex(node.visible_head.number)),
            "eth_gasPrice": (0, 0, lambda _: hex(node.gas_price)),
            "eth_maxPriorityFeePerGas": (0, 0, lambda _: hex(node.settings.priority_fee)),
            "eth_feeHistory": (2, 3, self._fee_history),
            "eth_getBalance": (1, 2, self._get_balance),
            "eth_getTransactionCount": (1, 2, self._get_transaction_count),
            "eth_getCode": (1, 2, self._get_code),
            "eth_getStorageAt": (2, 3, self._get_storage_at),
            "eth_call": (1, 2, self._call),
            "eth_estimateGas": (1, 2, self._estimate_gas),
            "eth_sendRawTransaction": (1, 1, self._send_raw_transaction),
            "eth_getTransactionByHash": (1, 1, self._get_transaction_by_hash),
            "eth_getTransactionReceipt": (1, 1, self._get_transaction_receipt),
            "eth_getBlockReceipts": (1, 1, self._get_block_receipts),
            "eth_getBlockByNumber": (1, 2, self._get_block_by_number),
            "eth_getBlockByHash": (1, 2, self._get_block_by_hash),
            "eth_getBlockTransactionCountByNumber": (1, 1, self._get_block_transaction_count),
            "eth_getLogs": (1, 1, lambda parameters: self._get_logs(_object(parameters[0], 0))),
            "eth_newFilter": (1, 1, self._new_filter),
            "eth_newBlockFilter": (0, 0, lambda _: self._filters.install_blocks()),
            "eth_newPendingTransactionFilter": (0, 0, lambda _: self._filters.install_pending()),
            "eth_getFilterChanges": (1, 1, self._get_filter_changes),
            "eth_getFilterLogs": (1, 1, self._get_filter_logs),
            "eth_uninstallFilter": (1, 1, lambda parameters: self._filters.uninstall(str(parameters[0]))),
        }
        self.table: Mapping[str, tuple[int, int, Method]] = table  # fewest and most parameters, and the method

    # Blocks

    def _number(self, value: Any, position: int) -> int:
        """The number of the block that a tag or number names."""
        if value in _NEWEST or value == "pending":
            return self._node.visible_head.number
        if value == "earliest":
            return self._node.history.genesis_number
        return quantity(value, position)

    def _named_block(self, value: Any, position: int) -> MinedBlock | None:
        if isinstance(value, dict):
            if "blockHash" in value:
                return self._node.block_by_hash(hash32(value["blockHash"], position))
            value = value.get("blockNumber")
        if isinstance(value, str) and len(value) == 66:
            return self._node.block_by_hash(hash32(value, position))
        return self._node.block(self._number(value, position))

    def _at(self, parameters: Sequence[Any], position: int) -> State:
        """Which state a query is about."""
        value = parameters[position] if position < len(parameters) else None
        if value in _NEWEST or value == "pending":
            return {"pending": value == "pending"}
        block = self._named_block(value, position)
        if block is None:
            raise RpcFailure(SERVER_ERROR, "header not found")
        return {"number": block.number}

    def _get_block_by_number(self, parameters: Sequence[Any]) -> Json | None:
        full = bool(parameters[1]) if len(parameters) > 1 else False
        if parameters[0] == "pending":
            return self._pending_block(full)
        return self._block(self._named_block(parameters[0], 0), full)

    def _get_block_by_hash(self, parameters: Sequence[Any]) -> Json | None:
        full = bool(parameters[1]) if len(parameters) > 1 else False
        return self._block(self._node.block_by_hash(hash32(parameters[0], 0)), full)

    def _block(self, block: MinedBlock | None, full: bool) -> Json | None:
        return None if block is None else mined_block_json(block, full, self._node.settings.fee_receiver)

    def _pending_block(self, full: bool) -> Json:
        node, head = self._node, self._node.head
        waiting = node.pool.executable(node.world.nonce, node.base_fee)
        answer = block_json(MinedBlock(head.number + 1, head.timestamp, ZERO_HASH, head.hash, node.base_fee,
                                       node.settings.block_gas_limit, 0, (), 0.0, None), full=full)
        answer.update(hash=None, nonce=None, miner=None, transactions=[
            transaction_json(item, None, node.base_fee) if full else item.hash for item in waiting])
        return answer

    def _get_block_transaction_count(self, parameters: Sequence[Any]) -> str | None:
        if parameters[0] == "pending":
            return hex(len(self._node.pool))
        block = self._named_block(parameters[0], 0)
        return None if block is None else hex(len(block.receipts))

    def _get_block_receipts(self, parameters: Sequence[Any]) -> list[Json] | None:
        block = self._named_block(parameters[0], 0)
        return None if block is None else [receipt_json(receipt) for receipt in block.receipts]

    def _fee_history(self, parameters: Sequence[Any]) -> Json:
        count = parameters[0] if isinstance(parameters[0], int) else quantity(parameters[0], 0)
        newest = self._number(parameters[1], 1)
        if newest > self._node.visible_head.number:
            raise RpcFailure(SERVER_ERROR, "request beyond head block")
        blocks = list(self._node.history.range(newest - min(count, FEE_HISTORY_BLOCKS) + 1, newest))
        answer: Json = {"oldestBlock": hex(blocks[0].number if blocks else newest),
                        "baseFeePerGas": [hex(block.base_fee) for block in blocks] + [hex(self._node.base_fee)],
                        "gasUsedRatio": [block.gas_used / block.gas_limit for block in blocks]}
        percentiles = parameters[2] if len(parameters) > 2 else None
        if percentiles:
            answer["reward"] = [_rewards(block, percentiles) for block in blocks]
        return answer

    # State

    def _get_balance(self, parameters: Sequence[Any]) -> str:
        return hex(self._node.balance(address(parameters[0], 0), **self._at(parameters, 1)))

    def _get_transaction_count(self, parameters: Sequence[Any]) -> str:
        return hex(self._node.nonce(address(parameters[0], 0), **self._at(parameters, 1)))

    def _get_code(self, parameters: Sequence[Any]) -> str:
        self._at(parameters, 1)
        return "0x" + self._node.world.code(address(parameters[0], 0)).hex()

    def _get_storage_at(self, parameters: Sequence[Any]) -> str:
        """Always zero: contracts of the sandbox keep their state as objects, not in slots."""
        address(parameters[0], 0)
        self._at(parameters, 2)
        return ZERO_HASH

    def _message(self, value: Any, state: State) -> Message:
        fields = _object(value, 0)
        data = fields.get("input", fields.get("data"))
        sender = fields.get("from")
        most = self._node.settings.call_gas_limit
        gas_limit = min(quantity(fields["gas"], 0), most) if fields.get("gas") is not None else most
        message = Message(
            sender=_NOBODY if sender is None else address(sender, 0),
            to=None if fields.get("to") is None else address(fields["to"], 0),
            value=quantity(fields["value"], 0) if fields.get("value") is not None else 0,
            data=b"" if data is None else hex_bytes(data, 0), gas_limit=gas_limit)
        price = fields.get("maxFeePerGas", fields.get("gasPrice"))
        need = message.value + (quantity(price, 0) * message.gas_limit if price is not None and "gas" in fields else 0)
        if need:
            have = self._node.balance(message.sender, **state)
            if have < need:
                raise RpcFailure(SERVER_ERROR, f"insufficient funds for gas * price + value: address {message.sender} "
                                               f"have {have} want {need}")
        return message

    def _call(self, parameters: Sequence[Any]) -> str:
        state = self._at(parameters, 1)
        message = self._message(parameters[0], state)
        outcome = self._node.call(message, **state)
        if not outcome.success:
            raise _failed(outcome, message)
        return "0x" + outcome.return_data.hex()

    def _estimate_gas(self, parameters: Sequence[Any]) -> str:
        state = self._at(parameters, 1)
        message = self._message(parameters[0], state)
        estimate = self._node.estimate_gas(message, **state)
        if not isinstance(estimate, int):
            if _ran_out(estimate, message):
                raise RpcFailure(SERVER_ERROR, f"gas required exceeds allowance ({message.gas_limit})")
            raise _failed(estimate, message)
        return hex(estimate)

    # Transactions

    def _send_raw_transaction(self, parameters: Sequence[Any]) -> str:
        try:
            answer = self._node.submit(hex_bytes(parameters[0], 0))
        except TransactionRejected as rejected:
            raise RpcFailure(SERVER_ERROR, str(rejected)) from None
        if self._node.faults.lose_send_answers:
            raise AnswerLost
        return answer

    def _get_transaction_by_hash(self, parameters: Sequence[Any]) -> Json | None:
        transaction_hash = hash32(parameters[0], 0)
        transaction = self._node.transaction(transaction_hash)
        if transaction is None:
            return None
        return transaction_json(transaction, self._node.mined(transaction_hash), self._node.base_fee)

    def _get_transaction_receipt(self, parameters: Sequence[Any]) -> Json | None:
        receipt = self._node.receipt(hash32(parameters[0], 0))
        return None if receipt is None else receipt_json(receipt)

    # Logs and filters

    def _get_logs(self, criteria: Json) -> list[Json]:
        wanted = log_filter(criteria)
        if criteria.get("blockHash") is not None:
            if criteria.get("fromBlock") is not None or criteria.get("toBlock") is not None:
                raise invalid(0, "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other")
            block = self._node.block_by_hash(hash32(criteria["blockHash"], 0))
            if block is None:
                raise RpcFailure(SERVER_ERROR, "unknown block")
            first = last = block.number
        else:
            first, last = self._range(criteria)
        return [log_json(entry) for entry in self._node.logs(wanted, first, last)]

    def _range(self, criteria: Json) -> tuple[int, int]:
        start, end = criteria.get("fromBlock"), criteria.get("toBlock")
        first, last = self._number(start, 0), self._number(end, 0)
        if first > last and start not in _NEWEST and end not in _NEWEST:
            raise RpcFailure(SERVER_ERROR, "invalid block range params")
        last = min(last, self._node.visible_head.number)
        if last - first + 1 > self._max_log_blocks:
            raise RpcFailure(SERVER_ERROR, f"block range exceeds {self._max_log_blocks}: from {first} to {last}")
        history = self._node.history
        if history.genesis_number <= first < history.oldest_number:
            raise RpcFailure(4444, "pruned history unavailable")
        return first, last

    def _new_filter(self, parameters: Sequence[Any]) -> str:
        criteria = _object(parameters[0], 0)
        return self._filters.install_logs(log_filter(criteria), criteria)

    def _get_filter_changes(self, parameters: Sequence[Any]) -> list[Any]:
        changes = self._filters.changes(str(parameters[0]))
        if changes is None:
            raise RpcFailure(SERVER_ERROR, "filter not found")
        return changes

    def _get_filter_logs(self, parameters: Sequence[Any]) -> list[Json]:
        criteria = self._filters.criteria(str(parameters[0]))
        if criteria is None:
            raise RpcFailure(SERVER_ERROR, "filter not found")
        return self._get_logs(criteria)


def _object(value: Any, position: int) -> Json:
    if not isinstance(value, dict):
        raise invalid(position, "json: cannot unmarshal non-object into Go value of type map[string]interface {}")
    return value


def _rewards(block: MinedBlock, percentiles: Sequence[float]) -> list[str]:
    """The tips in wei per gas at which these percentages of a block's gas were paid, cheapest first."""
    tips = sorted((receipt.gas_price - block.base_fee, receipt.gas_used) for receipt in block.receipts)
    answer = []
    for percentile in percentiles:
        seen, reward = 0, 0
        for tip, gas_used in tips:
            reward = tip
            seen += gas_used
            if seen * 100 >= percentile * block.gas_used:
                break
        answer.append(hex(reward))
    return answer


def _ran_out(outcome: Outcome, message: Message) -> bool:
    return not outcome.return_data and outcome.gas_used >= message.gas_limit


def _failed(outcome: Outcome, message: Message) -> RpcFailure:
    return RpcFailure(SERVER_ERROR, "out of gas") if _ran_out(outcome, message) else reverted(outcome.return_data)
