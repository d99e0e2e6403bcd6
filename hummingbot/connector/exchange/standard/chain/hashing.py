"""The hash of Ethereum-like chains, or what to install for it."""
try:
    from eth_hash.auto import keccak
except ImportError as error:
    raise ImportError("The Standard connector needs the Python package eth-hash, which is missing in this environment: install "
                      "it with `pip install 'eth-hash[pycryptodome]'`.") from error

__all__ = ["keccak"]
