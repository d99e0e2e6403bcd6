"""The wallet signs what eth-account signs, byte for byte, and never shows its key."""
import builtins
import importlib
import pickle
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from hummingbot.connector.exchange.standard.chain import signing
from hummingbot.connector.exchange.standard.chain.addresses import is_address, to_checksum
from hummingbot.connector.exchange.standard.chain.signing import Fees, Wallet
from hummingbot.connector.exchange.standard.errors import ConfigurationError

DIGITS = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
GROUP_ORDER = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"

uint256 = st.one_of(st.integers(0, 300), st.integers(0, 2**256 - 1))


@given(nonce=st.one_of(st.integers(0, 300), st.integers(0, 2**64 - 2)), value=uint256, data=st.binary(max_size=700),
       gas=st.integers(21_000, 10**9), fee=st.integers(0, 2**128), tip=st.integers(0, 2**64), legacy=st.booleans(),
       chain_id=st.sampled_from([1, 5031, 50312, 31337, 127, 2**40]), key=st.integers(1, 2**255),
       to=st.binary(min_size=20, max_size=20))
@settings(max_examples=150, deadline=None)
def test_transactions_equal_those_of_eth_account(nonce: int, value: int, data: bytes, gas: int, fee: int, tip: int, legacy: bool,
                                                 chain_id: int, key: int, to: bytes) -> None:
    text = f"{key:064x}"
    fields: dict[str, Any] = {"chainId": chain_id, "nonce": nonce, "to": to_checksum_address(to), "value": value, "data": data,
                              "gas": gas}
    fields |= {"gasPrice": fee} if legacy else {"type": 2, "maxFeePerGas": fee, "maxPriorityFeePerGas": tip}
    expected = Account.from_key(text).sign_transaction(fields)
    signed = Wallet(text).sign_transaction(chain_id=chain_id, nonce=nonce, to="0x" + to.hex(), value=value, data=data,
                                           gas_limit=gas, fees=Fees(fee, tip, legacy))
    assert signed.raw == bytes(expected.raw_transaction)
    assert signed.hash == "0x" + bytes(expected.hash).hex()


@given(st.text())
@settings(max_examples=50, deadline=None)
def test_messages_equal_those_of_eth_account(text: str) -> None:
    expected = Account.from_key(DIGITS).sign_message(encode_defunct(text=text))
    assert Wallet(DIGITS).sign_message(text) == "0x" + bytes(expected.signature).hex()


@pytest.mark.parametrize("key", [DIGITS, "0x" + DIGITS, f"  0x{DIGITS}\n", DIGITS.upper(), "0X" + DIGITS])
def test_a_key_is_accepted_as_people_paste_it(key: str) -> None:
    assert Wallet(key).address == Account.from_key(DIGITS).address.lower()


@pytest.mark.parametrize("key, sentence", [
    ("", "is empty"),
    ("  0x ", "is empty"),
    ("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266", "an address, not a private key"),
    ("f39fd6e51aad88f6f4ce6ab8827279cfffb92266", "an address, not a private key"),
    (DIGITS[:-1], "63 were entered"),
    ("0x" + DIGITS + "0", "65 were entered"),
    (DIGITS[:-1] + "g", "not hexadecimal"),
    ("correct horse battery staple", "not hexadecimal"),
    ("0" * 64, "cannot be a private key"),
    (GROUP_ORDER, "cannot be a private key"),
    ("f" * 64, "cannot be a private key"),
])
def test_what_is_no_key_gets_one_sentence_without_it(key: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence) as raised:
        Wallet(key)
    text = str(raised.value)
    assert not key.strip() or key.strip() not in text
    assert not any(key[start:start + 8] in text for start in range(len(key) - 8) if key[start:start + 8].strip("0x "))
    assert raised.value.__cause__ is None and text.endswith(".")


def test_the_largest_and_smallest_keys_work() -> None:
    assert is_address(Wallet("0" * 63 + "1").address)
    assert is_address(Wallet(f"{int(GROUP_ORDER, 16) - 1:064x}").address)


def test_the_key_is_in_no_text() -> None:
    wallet = Wallet(DIGITS)
    assert repr(wallet) == str(wallet) == f"{wallet}" == f"<Wallet {wallet.address}>"
    assert DIGITS not in repr(vars(type(wallet)))
    with pytest.raises(TypeError, match="not written to disk"):
        pickle.dumps(wallet)


def test_a_missing_coincurve_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name == "coincurve":
            raise ImportError(name)
        return real(name, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", without)
        importlib.reload(signing)
    try:
        with pytest.raises(ConfigurationError, match="pip install coincurve"):
            signing.Wallet(DIGITS)
    finally:
        importlib.reload(signing)


@given(st.binary(min_size=20, max_size=20))
def test_checksums_equal_those_of_eth_utils(address: bytes) -> None:
    assert to_checksum("0x" + address.hex()) == to_checksum_address(address)


@pytest.mark.parametrize("text", ["", "0x", "0x" + "g" * 40, "0x" + "1" * 39, "1" * 40, "0x" + "1" * 40 + "\n"])
def test_other_texts_are_no_addresses(text: str) -> None:
    assert not is_address(text)
