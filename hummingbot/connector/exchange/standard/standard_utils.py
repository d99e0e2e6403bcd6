"""What Hummingbot imports to list the connector: configuration, domains, default fees. Imports next to nothing."""
from decimal import Decimal
from typing import Any, Literal

from pydantic import ConfigDict, Field, SecretStr, field_validator

from hummingbot.client.config.config_data_types import BaseConnectorConfigMap
from hummingbot.core.data_type.trade_fee import TradeFeeSchema

CENTRALIZED = False
EXAMPLE_PAIR = "SOMI-USDC"
# The engine's own defaults; the real fees are read from the chain per account. Both sides pay in what they receive.
DEFAULT_FEES = TradeFeeSchema(
    maker_percent_fee_decimal=Decimal("0.001"),
    taker_percent_fee_decimal=Decimal("0.001"),
    buy_percent_fee_deducted_from_returns=True,
)


def _secret_key(prompt: str) -> Any:
    return Field(default=..., json_schema_extra={
        "prompt": prompt, "is_secure": True, "is_connect_key": True, "prompt_on_new": True})


def _setting() -> Any:
    # Not asked at connect: written to conf/connectors/<domain>.yml, where a user may change it.
    return Field(default="", json_schema_extra={"prompt_on_new": False})


class _ConfigMap(BaseConnectorConfigMap):
    """Takes a number without quotes, and a setting without a value: an error here would stop every command of Hummingbot that
    reads keys. What the texts must be is checked where they are used (network.py)."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    @field_validator("*", mode="before")
    @classmethod
    def _empty_for_nothing(cls, value: Any) -> Any:
        return "" if value is None else value


class StandardConfigMap(_ConfigMap):
    """Somnia mainnet. Empty settings mean the network's defaults."""

    connector: str = "standard"
    receive_connector_configuration: bool = True
    standard_private_key: SecretStr = _secret_key("Enter the private key of your trading wallet (0x and 64 hex digits)")
    standard_rpc_url: str = _setting()
    standard_rpc_ws_url: str = _setting()
    standard_api_url: str = _setting()
    standard_stream_url: str = _setting()
    standard_engine_address: str = _setting()
    standard_chain_id: str = _setting()
    standard_market_slippage: str = _setting()
    standard_gas_reserve: str = _setting()
    standard_max_fee_gwei: str = _setting()
    standard_approval: str = _setting()
    standard_feed: str = _setting()
    standard_poll_interval: str = _setting()
    model_config = ConfigDict(title="standard")


class StandardTestnetConfigMap(_ConfigMap):
    """Somnia testnet (Shannon)."""

    connector: str = "standard_testnet"
    receive_connector_configuration: bool = True
    standard_testnet_private_key: SecretStr = _secret_key("Enter the private key of your testnet wallet (0x and 64 hex digits)")
    standard_testnet_rpc_url: str = _setting()
    standard_testnet_rpc_ws_url: str = _setting()
    standard_testnet_api_url: str = _setting()
    standard_testnet_stream_url: str = _setting()
    standard_testnet_engine_address: str = _setting()
    standard_testnet_chain_id: str = _setting()
    standard_testnet_market_slippage: str = _setting()
    standard_testnet_gas_reserve: str = _setting()
    standard_testnet_max_fee_gwei: str = _setting()
    standard_testnet_approval: str = _setting()
    standard_testnet_feed: str = _setting()
    standard_testnet_poll_interval: str = _setting()
    model_config = ConfigDict(title="standard_testnet")


class StandardSandboxConfigMap(_ConfigMap):
    """The local sandbox exchange."""

    connector: str = "standard_sandbox"
    receive_connector_configuration: bool = True
    standard_sandbox_private_key: SecretStr = _secret_key("Enter the private key of a sandbox account (the sandbox prints one)")
    standard_sandbox_rpc_url: str = _setting()
    standard_sandbox_rpc_ws_url: str = _setting()
    standard_sandbox_api_url: str = _setting()
    standard_sandbox_stream_url: str = _setting()
    standard_sandbox_engine_address: str = _setting()
    standard_sandbox_chain_id: str = _setting()
    standard_sandbox_market_slippage: str = _setting()
    standard_sandbox_gas_reserve: str = _setting()
    standard_sandbox_max_fee_gwei: str = _setting()
    standard_sandbox_approval: str = _setting()
    standard_sandbox_feed: str = _setting()
    standard_sandbox_poll_interval: str = _setting()
    model_config = ConfigDict(title="standard_sandbox")


KEYS = StandardConfigMap.model_construct()

OTHER_DOMAINS = ["standard_testnet", "standard_sandbox"]
OTHER_DOMAINS_PARAMETER: dict[str, Literal["standard_testnet", "standard_sandbox"]] = {
    "standard_testnet": "standard_testnet", "standard_sandbox": "standard_sandbox"}
OTHER_DOMAINS_EXAMPLE_PAIR = {"standard_testnet": "STT-USDC", "standard_sandbox": "SOMI-USDC"}
OTHER_DOMAINS_DEFAULT_FEES = {"standard_testnet": DEFAULT_FEES, "standard_sandbox": DEFAULT_FEES}
OTHER_DOMAINS_KEYS = {
    "standard_testnet": StandardTestnetConfigMap.model_construct(),
    "standard_sandbox": StandardSandboxConfigMap.model_construct(),
}
