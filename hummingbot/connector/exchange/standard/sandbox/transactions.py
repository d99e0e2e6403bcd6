"""Raw signed transactions: decoded, checked and their sender recovered, as a node does it.

Legacy transactions (with and without EIP-155), EIP-2930 and EIP-1559 ones. The RLP is read in place: the bytes that were
signed are a slice of the raw transaction, so nothing is encoded a second time.
"""
from functools import lru_cache
from typing import NamedTuple

from coincurve import PublicKey
from eth_hash.auto import keccak

_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_UINT64 = 1 << 64
_UINT256 = 1 << 256
_BAD_SIGNATURE = "invalid sender: invalid transaction v, r, s values"
MAX_SIZE = 128 * 1024

_LEGACY = "types.LegacyTx"
_NAMES = {1: "types.AccessListTx", 2: "types.DynamicFeeTx"}
_LENGTHS = {0: 9, 1: 11, 2: 12}

AccessList = tuple[tuple[str, tuple[str, ...]], ...]


class TransactionRejected(ValueError):
    """A node refuses the transaction; the message is in the words that go-ethereum uses."""


class Transaction(NamedTuple):
    """A signed transaction. `value` and fees are in wei; a legacy gas price is both `max_fee` and `max_priority_fee`.

    `chain_id` is None for a legacy transaction without replay protection; `v` is what the wire carries (for typed
    transactions the parity of the signature).
    """

    type: int
    chain_id: int | None
    nonce: int
    max_priority_fee: int
    max_fee: int
    gas_limit: int
    to: str | None
    value: int
    data: bytes
    access_list: AccessList
    v: int
    r: int
    s: int
    raw: bytes
    hash: str
    sender: str

    @property
    def cost(self) -> int:
        """What the sender must own for it to be accepted, in wei: the value and the whole gas limit at the highest fee."""
        return self.value + self.gas_limit * self.max_fee

    def gas_price(self, base_fee: int) -> int:
        """What one gas costs in a block with this base fee, in wei."""
        return min(self.max_fee, base_fee + self.max_priority_fee)


class _Item(NamedTuple):
    at: int
    start: int
    stop: int
    is_list: bool


def _item(data: bytes, at: int, end: int) -> _Item:
    """The RLP item whose header starts at byte `at`, within the bytes before `end`."""
    if at >= end:
        raise TransactionRejected("rlp: value size exceeds available input length")
    first = data[at]
    is_list = first >= 0xC0
    if first < 0x80:
        return _Item(at, at, at + 1, False)
    short = first - (0xC0 if is_list else 0x80)
    if short <= 55:
        start, size = at + 1, short
        if not is_list and size == 1 and start < end and data[start] < 0x80:
            raise TransactionRejected("rlp: non-canonical size information")
    else:
        start = at + 1 + short - 55
        encoded = data[at + 1:start]
        size = int.from_bytes(encoded, "big")
        if size <= 55 or encoded[0] == 0:
            raise TransactionRejected("rlp: non-canonical size information")
    if start + size > end:
        raise TransactionRejected("rlp: value size exceeds available input length")
    return _Item(at, start, start + size, is_list)


def _items(data: bytes, start: int, stop: int) -> list[_Item]:
    items = []
    while start < stop:
        item = _item(data, start, stop)
        items.append(item)
        start = item.stop
    return items


def _fields(data: bytes, start: int, kind: int) -> list[_Item]:
    """The members of the one list that the rest of `data` must be."""
    name = _NAMES.get(kind, _LEGACY)
    outer = _item(data, start, len(data))
    if not outer.is_list:
        raise TransactionRejected(f"rlp: expected input list for {name}")
    if outer.stop != len(data):
        raise TransactionRejected("rlp: input contains more than one value")
    items = _items(data, outer.start, outer.stop)
    if len(items) != _LENGTHS[kind]:
        few = len(items) < _LENGTHS[kind]
        raise TransactionRejected(f"rlp: too few elements for {name}" if few
                                  else f"rlp: input list has too many elements for {name}")
    return items


def _integer(data: bytes, item: _Item, limit: int = _UINT256) -> int:
    encoded = data[item.start:item.stop]
    if item.is_list:
        raise TransactionRejected("rlp: expected input string or byte for integer")
    if encoded[:1] == b"\0":
        raise TransactionRejected("rlp: non-canonical integer (leading zero bytes)")
    value = int.from_bytes(encoded, "big")
    if value >= limit:
        raise TransactionRejected("rlp: input string too long for uint64" if limit == _UINT64
                                  else "rlp: value too large for uint256")
    return value


def _bytes(data: bytes, item: _Item, length: int | None = None) -> bytes:
    if item.is_list:
        raise TransactionRejected("rlp: expected input string or byte for []uint8")
    value = data[item.start:item.stop]
    if length is not None and len(value) != length:
        raise TransactionRejected(f"rlp: input string too {'short' if len(value) < length else 'long'} for a value of "
                                  f"{length} bytes")
    return value


def _to(data: bytes, item: _Item) -> str | None:
    if item.start == item.stop and not item.is_list:
        return None
    return "0x" + _bytes(data, item, 20).hex()


def _access_list(data: bytes, item: _Item) -> AccessList:
    if not item.is_list:
        raise TransactionRejected("rlp: expected input list for types.AccessList")
    entries = []
    for entry in _items(data, item.start, item.stop):
        members = _items(data, entry.start, entry.stop) if entry.is_list else []
        if len(members) != 2 or not members[1].is_list:
            raise TransactionRejected("rlp: expected input list for types.AccessTuple")
        keys = _items(data, members[1].start, members[1].stop)
        entries.append(("0x" + _bytes(data, members[0], 20).hex(), tuple("0x" + _bytes(data, key, 32).hex() for key in keys)))
    return tuple(entries)


def _list_header(size: int) -> bytes:
    if size <= 55:
        return bytes((0xC0 + size,))
    encoded = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0xF7 + len(encoded),)) + encoded


def _rlp_integer(value: int) -> bytes:
    if value == 0:
        return b"\x80"
    encoded = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return encoded if len(encoded) == 1 and value < 0x80 else bytes((0x80 + len(encoded),)) + encoded


def _sender(signed: bytes, parity: int, r: int, s: int) -> str:
    if parity not in (0, 1) or not 0 < r < _ORDER or not 0 < s <= _HALF_ORDER:
        raise TransactionRejected(_BAD_SIGNATURE)
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((parity,))
    try:
        key = PublicKey.from_signature_and_message(signature, keccak(signed), hasher=None)
    except ValueError:
        raise TransactionRejected(_BAD_SIGNATURE) from None
    return "0x" + keccak(key.format(compressed=False)[1:])[12:].hex()


def _check_chain(have: int, want: int) -> None:
    if have != want:
        raise TransactionRejected(f"invalid sender: invalid chain id for signer: have {have} want {want}")


def _decode_legacy(raw: bytes, chain_id: int) -> Transaction:
    items = _fields(raw, 0, 0)
    nonce, gas_limit = _integer(raw, items[0], _UINT64), _integer(raw, items[2], _UINT64)
    price, value = _integer(raw, items[1]), _integer(raw, items[4])
    to, data = _to(raw, items[3]), _bytes(raw, items[5])
    v, r, s = (_integer(raw, item) for item in items[6:])
    signed = raw[items[0].at:items[5].stop]
    protected: int | None = None
    if v in (27, 28):
        parity = v - 27
    elif v >= 35:
        protected, parity = divmod(v - 35, 2)
        _check_chain(protected, chain_id)
        signed += _rlp_integer(protected) + b"\x80\x80"
    else:
        raise TransactionRejected(_BAD_SIGNATURE)
    sender = _sender(_list_header(len(signed)) + signed, parity, r, s)
    return Transaction(0, protected, nonce, price, price, gas_limit, to, value, data, (), v, r, s, raw,
                       "0x" + keccak(raw).hex(), sender)


def _decode_typed(raw: bytes, chain_id: int) -> Transaction:
    kind = raw[0]
    items = _fields(raw, 1, kind)
    have, nonce, tip = _integer(raw, items[0]), _integer(raw, items[1], _UINT64), _integer(raw, items[2])
    fee = _integer(raw, items[3]) if kind == 2 else tip
    after_fees = items[3 + (kind == 2):]
    gas_limit, value = _integer(raw, after_fees[0], _UINT64), _integer(raw, after_fees[2])
    to, data, access_list = _to(raw, after_fees[1]), _bytes(raw, after_fees[3]), _access_list(raw, after_fees[4])
    v, r, s = (_integer(raw, item) for item in after_fees[5:])
    _check_chain(have, chain_id)
    signed = raw[items[0].at:after_fees[4].stop]
    sender = _sender(bytes((kind,)) + _list_header(len(signed)) + signed, v, r, s)
    return Transaction(kind, have, nonce, tip, fee, gas_limit, to, value, data, access_list, v, r, s, raw,
                       "0x" + keccak(raw).hex(), sender)


@lru_cache(maxsize=1024)
def decode_transaction(raw: bytes, chain_id: int) -> Transaction:
    """The transaction in its signed bytes, with its hash and sender; `chain_id` is the node's.

    Raises TransactionRejected for bytes that are no transaction, an unknown type, a signature that is not one (also one
    with a high s) and another chain's id (docs/protocol.md, "Following a transaction").
    """
    if not raw:
        raise TransactionRejected("typed transaction too short")
    if len(raw) > MAX_SIZE:
        raise TransactionRejected(f"oversized data: transaction size {len(raw)}, limit {MAX_SIZE}")
    if raw[0] in _NAMES:
        return _decode_typed(raw, chain_id)
    if raw[0] < 0x80:
        raise TransactionRejected("transaction type not supported")
    return _decode_legacy(raw, chain_id)
