"""What Hummingbot finds when it scans for connectors: domains, keys, fees, and instances made of nothing but defaults."""
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.client.config.config_helpers import (
    ClientConfigAdapter,
    api_keys_from_connector_config_map,
    load_connector_config_map_from_file,
)
from hummingbot.client.settings import AllConnectorSettings, ConnectorType
from hummingbot.connector.exchange.standard import standard_utils
from hummingbot.connector.exchange.standard.errors import ConfigurationError
from hummingbot.connector.exchange.standard.network import resolve_network, resolve_preferences
from hummingbot.connector.exchange.standard.standard_exchange import StandardExchange
from hummingbot.core.data_type.trade_fee import TradeFeeSchema
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory

DOMAINS = ["standard", *standard_utils.OTHER_DOMAINS]
SETTINGS = ("rpc_url", "api_url", "engine_address", "chain_id")
PRIVATE_KEY = "0x" + "11" * 32

every_domain = pytest.mark.parametrize("domain", DOMAINS)


def config_map(domain, **values):
    """A stored configuration of the domain."""
    keys = standard_utils.KEYS if domain == "standard" else standard_utils.OTHER_DOMAINS_KEYS[domain]
    return type(keys)(**{f"{domain}_private_key": PRIVATE_KEY, **{f"{domain}_{name}": value for name, value in values.items()}})


@pytest.fixture(autouse=True)
async def closed_sessions():
    yield
    await ConnectionsFactory().close()


@every_domain
def test_domain_is_listed_as_a_decentralised_exchange(domain):
    setting = AllConnectorSettings.get_connector_settings()[domain]
    assert setting.type is ConnectorType.Exchange and setting.centralised is False
    assert setting.is_sub_domain is (domain != "standard")
    assert setting.parent_name == (None if domain == "standard" else "standard")
    assert (setting.module_name(), setting.class_name()) == ("standard_exchange", "StandardExchange")
    assert setting.example_pair.endswith("-USDC")
    assert isinstance(setting.trade_fee_schema, TradeFeeSchema)


def test_every_domain_has_a_network_and_every_table_has_every_domain():
    assert list(CONSTANTS.NETWORKS) == DOMAINS
    for table in ("OTHER_DOMAINS_PARAMETER", "OTHER_DOMAINS_EXAMPLE_PAIR", "OTHER_DOMAINS_DEFAULT_FEES", "OTHER_DOMAINS_KEYS"):
        assert sorted(getattr(standard_utils, table)) == sorted(standard_utils.OTHER_DOMAINS)
    assert {domain: domain for domain in standard_utils.OTHER_DOMAINS} == standard_utils.OTHER_DOMAINS_PARAMETER


def test_example_pairs_begin_with_the_native_token():
    for domain in DOMAINS:
        pair = AllConnectorSettings.get_connector_settings()[domain].example_pair
        assert pair.split("-")[0] == CONSTANTS.NETWORKS[domain].native_symbol


def test_default_fees_are_the_engines_and_are_paid_in_what_is_received():
    assert standard_utils.DEFAULT_FEES.maker_percent_fee_decimal == Decimal("0.001")
    assert standard_utils.DEFAULT_FEES.taker_percent_fee_decimal == Decimal("0.001")
    assert standard_utils.DEFAULT_FEES.buy_percent_fee_deducted_from_returns


@every_domain
def test_connect_asks_only_for_the_private_key_and_hides_it(domain):
    keys = config_map(domain)
    asked = {name for name, field in type(keys).model_fields.items() if (field.json_schema_extra or {}).get("is_connect_key")}
    assert asked == {f"{domain}_private_key"}
    extra = type(keys).model_fields[f"{domain}_private_key"].json_schema_extra
    assert extra["is_secure"] and extra["prompt_on_new"] and "private key" in extra["prompt"]
    assert PRIVATE_KEY not in repr(keys) and PRIVATE_KEY not in str(keys)


@every_domain
def test_every_field_carries_the_domain_so_that_hummingbot_can_rename_it(domain):
    keys = config_map(domain)
    assert keys.connector == domain
    own = set(type(keys).model_fields) - {"connector", "receive_connector_configuration"}
    assert {f"{domain}_{name}" for name in (*SETTINGS, "private_key")} <= own
    assert all(name.startswith(f"{domain}_") for name in own)


@every_domain
def test_stored_configuration_makes_a_connector_with_its_settings(domain):
    stored = ClientConfigAdapter(config_map(domain, rpc_url="http://127.0.0.1:1", chain_id="77"))
    setting = AllConnectorSettings.get_connector_settings()[domain]
    parameters = setting.conn_init_parameters(["SOMI-USDC"], True, api_keys_from_connector_config_map(stored))
    exchange = StandardExchange(**(parameters | {"connector_configuration": stored.hb_config}))
    assert exchange.name == exchange.domain == domain
    assert exchange.trading_pairs == ["SOMI-USDC"] and exchange.is_trading_required
    assert exchange.venue.network.rpc_urls == ("http://127.0.0.1:1",)
    assert exchange.venue.network.chain_id == 77
    assert exchange.authenticator.wallet.address == "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"
    assert "1111" not in repr(exchange.authenticator) + str(exchange.authenticator.wallet)


@every_domain
def test_connector_for_prices_only_is_made_of_empty_fields(domain):
    exchange = AllConnectorSettings.get_connector_settings()[domain].non_trading_connector_instance_with_default_configuration(
        ["SOMI-USDC"])
    assert (exchange.name, exchange.is_trading_required, exchange.authenticator) == (domain, False, None)
    assert exchange.venue.network == CONSTANTS.NETWORKS[domain]


@every_domain
def test_constructor_takes_every_field_as_an_empty_text(domain):
    keys = config_map(domain)
    fields = {name.replace(domain, "standard"): "" for name in type(keys).model_fields if name != "connector"}
    assert StandardExchange(**fields, trading_pairs=[], trading_required=False, domain=domain).authenticator is None


@every_domain
async def test_trading_without_a_key_says_what_to_do(domain):
    with pytest.raises(ConfigurationError, match="needs a private key: run `connect`"):
        await StandardExchange(domain=domain)._update_balances()


@pytest.mark.parametrize("key", ["0x12", "not a key", "0x" + "00" * 32, "0x" + "ff" * 32, "0x" + "ab" * 20])
def test_malformed_key_is_refused_without_showing_it(key):
    with pytest.raises(ConfigurationError) as caught:
        StandardExchange(standard_private_key=key)
    assert key not in str(caught.value)


def test_module_that_hummingbot_imports_for_its_listing_imports_no_exchange_code():
    script = ("import sys; import hummingbot.connector.exchange.standard.standard_utils; "
              "print([name for name in sys.modules if name.startswith('hummingbot.connector.exchange.standard.')])")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True,
                          cwd=Path(standard_utils.__file__).parents[4])
    assert done.stdout.strip() == "['hummingbot.connector.exchange.standard.standard_utils']"


def loaded_from_file(folder, domain, lines):
    """A stored configuration as Hummingbot itself loads it, with these settings as they stand in the file."""
    path = folder / f"{domain}.yml"
    path.write_text("\n".join([f"connector: {domain}", f"{domain}_private_key: ''",
                               *(f"{domain}_{name}: {text}" for name, text in lines.items())]))
    return load_connector_config_map_from_file(path).hb_config


@every_domain
def test_a_setting_without_quotes_or_without_a_value_stops_nothing(domain, tmp_path):
    stored = loaded_from_file(tmp_path, domain, {"max_fee_gwei": "20", "chain_id": "77", "gas_reserve": "0.25",
                                                 "market_slippage": "1e-4", "rpc_url": "", "feed": "~"})
    preferences = resolve_preferences(domain, {}, stored, {})
    assert (preferences.max_fee, preferences.gas_reserve, preferences.market_slippage) == (
        20 * 10 ** 9, Decimal("0.25"), Decimal("0.0001"))
    assert resolve_network(domain, {}, stored, {}) == CONSTANTS.NETWORKS[domain]._replace(chain_id=77, steady_blocks=False)


def test_an_address_without_quotes_is_a_number_and_told_as_what_it_should_be(tmp_path):
    stored = loaded_from_file(tmp_path, "standard", {"engine_address": "0x" + "ab" * 20})
    with pytest.raises(ConfigurationError, match=r"standard_engine_address must be .* in quotes in a file"):
        resolve_network("standard", {}, stored, {})
