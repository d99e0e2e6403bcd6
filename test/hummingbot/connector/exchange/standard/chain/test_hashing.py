"""The hash function is there, or the user is told what to install."""
import runpy
import sys

import pytest

from hummingbot.connector.exchange.standard.chain import hashing


def test_the_hash_of_nothing_is_the_known_one() -> None:
    assert hashing.keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "eth_hash.auto", None)
    with pytest.raises(ImportError, match=r"pip install 'eth-hash\[pycryptodome\]'"):
        runpy.run_path(hashing.__file__)
