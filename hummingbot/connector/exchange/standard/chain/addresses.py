"""Addresses as text: how to tell one, and the mixed-case form that people and explorers use."""
import re
from functools import lru_cache

from hummingbot.connector.exchange.standard.chain.hashing import keccak

ZERO_ADDRESS = "0x" + 40 * "0"
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def is_address(text: str) -> bool:
    """Whether `text` is "0x" and 40 hexadecimal digits, in any case."""
    return _ADDRESS.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def to_checksum(address: str) -> str:
    """The address with the upper and lower case of EIP-55, for showing it to people."""
    digits = address[2:].lower()
    digest = keccak(digits.encode()).hex()
    return "0x" + "".join([digit.upper() if int(nibble, 16) > 7 else digit for digit, nibble in zip(digits, digest)])
