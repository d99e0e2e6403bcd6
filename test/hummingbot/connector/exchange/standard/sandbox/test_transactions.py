"""Raw transactions, with the recorded ones and eth_account as the references."""
import pytest
import rlp
from eth_account import Account
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.sandbox.transactions import (
    MAX_SIZE,
    TransactionRejected,
    decode_transaction,
)
from test.vectors import FILES, steps

CHAIN = 31337
KEY = b"\x11" * 32
ACCOUNT = Account.from_key(KEY)
TO = "0x" + "ab" * 20
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def signed(**fields: object) -> bytes:
    transaction = {"nonce": 3, "gas": 100_000, "to": Account.from_key(b"\x22" * 32).address, "value": 5, "data": b"\x01\x02",
                   **fields}
    return bytes(Account.sign_transaction(transaction, KEY).raw_transaction)


def legacy(**fields: object) -> bytes:
    return signed(**{"gasPrice": 7, "chainId": CHAIN, **fields})


@pytest.mark.parametrize("name", FILES)
def test_recorded_transactions_are_read_as_recorded(name: str) -> None:
    for scenario, step in steps(name, "tx"):
        transaction = decode_transaction(bytes.fromhex(step["raw_tx"][2:]), CHAIN)
        assert (transaction.hash, transaction.sender, transaction.nonce, transaction.to, transaction.gas_limit,
                transaction.value, transaction.data.hex()) == (
            step["hash"], step["from"].lower(), step["nonce"], step["to"].lower(), step["gasLimit"], step["value"],
            step["data"][2:]), scenario


@settings(max_examples=60, deadline=None)
@given(nonce=st.integers(0, 2 ** 64 - 1), value=st.integers(0, 2 ** 200), gas=st.integers(0, 2 ** 40),
       data=st.binary(max_size=300), kind=st.sampled_from(["legacy", "unprotected", "access list", "dynamic"]))
def test_every_kind_is_read_as_eth_account_signs_it(nonce: int, value: int, gas: int, data: bytes, kind: str) -> None:
    common = {"nonce": nonce, "value": value, "gas": gas, "data": data}
    access = [{"address": TO, "storageKeys": ["0x" + "01" * 32]}]
    fields = {"legacy": {"gasPrice": 9, "chainId": CHAIN}, "unprotected": {"gasPrice": 9},
              "access list": {"gasPrice": 9, "chainId": CHAIN, "accessList": access, "type": 1},
              "dynamic": {"maxFeePerGas": 9, "maxPriorityFeePerGas": 2, "chainId": CHAIN, "type": 2}}[kind]
    signature = Account.sign_transaction({"to": ACCOUNT.address, **common, **fields}, KEY)
    transaction = decode_transaction(bytes(signature.raw_transaction), CHAIN)
    assert transaction.sender == ACCOUNT.address.lower() == transaction.to
    assert transaction.hash == "0x" + signature.hash.hex()
    assert (transaction.nonce, transaction.value, transaction.gas_limit, transaction.data) == (nonce, value, gas, data)
    assert (transaction.max_fee, transaction.max_priority_fee) == (9, 2 if kind == "dynamic" else 9)
    assert transaction.chain_id == (None if kind == "unprotected" else CHAIN)
    assert transaction.access_list == (((TO, ("0x" + "01" * 32,)),) if kind == "access list" else ())
    assert (transaction.v, transaction.r, transaction.s) == (signature.v, signature.r, signature.s)


def test_a_contract_creation_has_no_recipient() -> None:
    assert decode_transaction(legacy(to=""), CHAIN).to is None


def test_costs_and_prices_follow_the_fee_rules() -> None:
    transaction = decode_transaction(signed(maxFeePerGas=10, maxPriorityFeePerGas=2, chainId=CHAIN, type=2), CHAIN)
    assert transaction.cost == 5 + 100_000 * 10
    assert (transaction.gas_price(6), transaction.gas_price(9)) == (8, 10)


@pytest.mark.parametrize("chain", [1, 31338])
@pytest.mark.parametrize("fields", [{"gasPrice": 1}, {"maxFeePerGas": 1, "maxPriorityFeePerGas": 1, "type": 2}])
def test_another_chains_transaction_is_refused(chain: int, fields: dict[str, int]) -> None:
    with pytest.raises(TransactionRejected, match=f"invalid sender: invalid chain id for signer: have {chain} want {CHAIN}"):
        decode_transaction(signed(chainId=chain, **fields), CHAIN)


def replace_fields(raw: bytes, changes: dict[int, bytes]) -> bytes:
    fields = list(rlp.decode(raw))
    for index, value in changes.items():
        fields[index] = value
    return bytes(rlp.encode(fields))


def integer(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def test_a_high_s_is_refused() -> None:
    fields = rlp.decode(legacy())
    high = integer(ORDER - int.from_bytes(fields[8], "big"))
    flipped = integer(4 * CHAIN + 71 - int.from_bytes(fields[6], "big"))
    with pytest.raises(TransactionRejected, match="invalid transaction v, r, s values"):
        decode_transaction(replace_fields(legacy(), {6: flipped, 8: high}), CHAIN)


@pytest.mark.parametrize("changes", [{6: b"\x1d"}, {6: b""}, {7: b""}, {8: b""}, {7: integer(ORDER)}])
def test_an_impossible_signature_is_refused(changes: dict[int, bytes]) -> None:
    with pytest.raises(TransactionRejected, match="invalid transaction v, r, s values"):
        decode_transaction(replace_fields(legacy(), changes), CHAIN)


@pytest.mark.parametrize(("raw", "words"), [
    (b"", "typed transaction too short"),
    (b"\x03\xc0", "transaction type not supported"),
    (b"\x7f", "transaction type not supported"),
    (b"\x80", "rlp: expected input list for types.LegacyTx"),
    (b"\x02\x80", "rlp: expected input list for types.DynamicFeeTx"),
    (b"\x02", "rlp: value size exceeds available input length"),
    (b"\xc0", "rlp: too few elements for types.LegacyTx"),
    (b"\xc1", "rlp: value size exceeds available input length"),
    (b"\xf8\x01\x80", "rlp: non-canonical size information"),
    (bytes(rlp.encode([b""] * 10)), "too many elements for types.LegacyTx"),
    (legacy() + b"\x00", "rlp: input contains more than one value"),
    (legacy()[:-1], "rlp: value size exceeds available input length"),
    (replace_fields(legacy(), {0: b"\x00\x01"}), "leading zero bytes"),
    (replace_fields(legacy(), {0: b"\x01" * 9}), "too long for uint64"),
    (replace_fields(legacy(), {4: b"\x01" * 33}), "too large for uint256"),
    (replace_fields(legacy(), {3: b"\x01" * 19}), "too short"),
    (bytes(rlp.encode([[b"a"]] + [b""] * 8)), "expected input string"),
    (legacy(data=b"x" * MAX_SIZE), "oversized data"),
])
def test_malformed_bytes_are_refused_in_a_nodes_words(raw: bytes, words: str) -> None:
    with pytest.raises(TransactionRejected, match=words.replace("(", r"\(")):
        decode_transaction(raw, CHAIN)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400), st.sampled_from([0, 1, 2]))
def test_damaged_bytes_never_raise_anything_else(noise: bytes, at: int, kind: int) -> None:
    raw = [legacy(), signed(gasPrice=1, chainId=CHAIN, accessList=[], type=1),
           signed(maxFeePerGas=1, maxPriorityFeePerGas=1, chainId=CHAIN, type=2)][kind]
    damaged = raw[:at % len(raw)] + noise
    try:
        transaction = decode_transaction(damaged, CHAIN)
    except TransactionRejected:
        return
    assert transaction.hash == "0x" + keccak(damaged).hex()
