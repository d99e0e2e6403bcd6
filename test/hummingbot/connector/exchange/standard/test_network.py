"""Where a connector's network comes from: which source counts first, and what is refused with the setting's name."""
from decimal import Decimal
from types import SimpleNamespace

import pytest

import hummingbot.connector.exchange.standard.standard_constants as CONSTANTS
from hummingbot.connector.exchange.standard.errors import ConfigurationError
from hummingbot.connector.exchange.standard.network import Preferences, resolve_network, resolve_preferences

ENGINE = "0x" + "Ab" * 20
SANDBOX = "standard_sandbox"


def resolved(domain=SANDBOX, given=None, configuration=None, environment=None):
    return resolve_network(domain, given or {}, configuration, environment or {})


@pytest.mark.parametrize("domain", CONSTANTS.NETWORKS)
def test_without_settings_a_domain_has_its_defaults(domain):
    assert resolved(domain) == CONSTANTS.NETWORKS[domain]


def test_empty_and_blank_settings_count_as_none():
    empty = {name: "" for name in CONSTANTS.ENVIRONMENT_SETTINGS}
    stored = SimpleNamespace(standard_sandbox_rpc_url="  ", standard_sandbox_api_url=None)
    environment = {"STANDARD_SANDBOX_RPC_URL": ""}
    assert resolved(given=empty, configuration=stored, environment=environment) == CONSTANTS.NETWORKS[SANDBOX]


def test_constructor_counts_before_configuration_before_environment():
    stored = SimpleNamespace(standard_sandbox_rpc_url="http://stored.test", standard_sandbox_api_url="http://stored.test")
    environment = {"STANDARD_SANDBOX_RPC_URL": "http://env.test", "STANDARD_SANDBOX_API_URL": "http://env.test",
                   "STANDARD_SANDBOX_CHAIN_ID": "77"}
    network = resolved(given={"rpc_url": "http://given.test"}, configuration=stored, environment=environment)
    assert network.rpc_urls == ("http://given.test",)
    assert network.api_urls == ("http://stored.test",)
    assert network.chain_id == 77


@pytest.mark.parametrize("domain, name", [("standard", "STANDARD_RPC_URL"), ("standard_testnet", "STANDARD_TESTNET_RPC_URL")])
def test_each_domain_has_environment_variables_of_its_own(domain, name):
    environment = {name: "http://env.test"}
    assert resolved(domain, environment=environment).rpc_urls == ("http://env.test",)
    assert resolved(SANDBOX, environment=environment).rpc_urls == CONSTANTS.NETWORKS[SANDBOX].rpc_urls


def test_stored_fields_of_another_domain_are_not_taken():
    stored = SimpleNamespace(standard_rpc_url="http://mainnet.test")
    assert resolved(configuration=stored).rpc_urls == CONSTANTS.NETWORKS[SANDBOX].rpc_urls


def test_several_urls_are_kept_in_order_without_spaces_and_final_slashes():
    network = resolved(given={"rpc_url": " https://one.test/ , http://127.0.0.1:8545,"})
    assert network.rpc_urls == ("https://one.test", "http://127.0.0.1:8545")


def test_engine_address_becomes_lower_case_and_chain_id_a_number():
    network = resolved(given={"engine_address": ENGINE, "chain_id": 31337})
    assert (network.engine, network.chain_id) == (ENGINE.lower(), 31337)


@pytest.mark.parametrize("name", ["rpc_url", "api_url"])
@pytest.mark.parametrize("text", ["localhost:8545", "ws://node.test", "https://", "ftp://x", "http://good.test,bad",
                                  "http://[::1", ",", "https://node.test:99999/v2/KEY", "https://node.test:84x/v2/KEY",
                                  "http://node.test:0"])
def test_url_that_is_none_is_refused_with_its_setting(name, text):
    with pytest.raises(ConfigurationError, match=f"standard_sandbox_{name} must be"):
        resolved(given={name: text})


@pytest.mark.parametrize("text", ["0x12", "engine", "0x" + "zz" * 20, "0x" + "1_" * 20, "ab" * 21, "0x" + "٣" * 40])
def test_engine_address_that_is_none_is_refused(text):
    with pytest.raises(ConfigurationError, match="standard_sandbox_engine_address must be"):
        resolved(given={"engine_address": text})


@pytest.mark.parametrize("text", ["0", "-1", "main", "1.5", "0x1", "٣"])
def test_chain_id_that_is_none_is_refused(text):
    with pytest.raises(ConfigurationError, match="standard_sandbox_chain_id must be"):
        resolved(given={"chain_id": text})


def test_unknown_domain_is_refused_with_the_known_ones():
    with pytest.raises(ConfigurationError, match="standard_testnet"):
        resolved("standard_moon")


# Preferences

def preferred(**given):
    return resolve_preferences(SANDBOX, given, None, {})


def test_without_settings_preferences_are_the_defaults():
    assert preferred(market_slippage="", gas_reserve="") == \
        Preferences(CONSTANTS.MARKET_SLIPPAGE, CONSTANTS.GAS_RESERVE, 100 * 10 ** 9, "unlimited",
                    CONSTANTS.DEFAULT_FEEDS[SANDBOX], 1.0)


@pytest.mark.parametrize(("text", "wei"), [("", 100 * 10 ** 9), ("250", 250 * 10 ** 9), ("0.5", 5 * 10 ** 8), ("0", None),
                                          ("0.001", 10 ** 6), ("100000", 10 ** 14)])
@pytest.mark.parametrize("domain", CONSTANTS.NETWORKS)
def test_what_is_offered_for_gas_is_bounded_unless_the_user_says_otherwise(domain, text, wei):
    assert resolve_preferences(domain, {"max_fee_gwei": text}, None, {}).max_fee == wei


def test_preferences_are_exact_numbers_from_any_source():
    stored = SimpleNamespace(standard_sandbox_gas_reserve="0.25")
    environment = {"STANDARD_SANDBOX_GAS_RESERVE": "9", "STANDARD_SANDBOX_MARKET_SLIPPAGE": "0.005",
                   "STANDARD_SANDBOX_FEED": "polling", "STANDARD_SANDBOX_POLL_INTERVAL": "2.5",
                   "STANDARD_SANDBOX_MAX_FEE_GWEI": "12.5", "STANDARD_SANDBOX_APPROVAL": "exact"}
    assert resolve_preferences(SANDBOX, {}, stored, environment) == \
        Preferences(Decimal("0.005"), Decimal("0.25"), 12_500_000_000, "exact", "polling", 2.5)


@pytest.mark.parametrize("number", [2, 2.5, 1e-7, Decimal("0.01")])
def test_a_constructor_may_be_given_numbers(number):
    assert preferred(gas_reserve=number).gas_reserve == Decimal(str(number))


def test_what_is_given_and_is_no_setting_is_refused_and_not_passed_over():
    with pytest.raises(ConfigurationError, match="standard_sandbox_gas_reserve must be a number"):
        preferred(gas_reserve=[1])


@pytest.mark.parametrize("name, text, words", [("max_fee_gwei", "-1", "in gwei, from 0.001"),
                                               ("max_fee_gwei", "much", "a number"),
                                               ("max_fee_gwei", "0.0000000001", "in gwei, from 0.001"),
                                               ("max_fee_gwei", "6500000000", "to 100000, or 0"),
                                               ("feed", "carrier pigeon", "one of"),
                                               ("approval", "some", "one of unlimited, exact, manual"),
                                               ("poll_interval", "0", "from 0.1 to 60"),
                                               ("poll_interval", "NaN", "a number")])
def test_a_fee_or_a_source_that_is_none_is_refused(name, text, words):
    with pytest.raises(ConfigurationError, match=f"standard_sandbox_{name} must .*{words}"):
        preferred(**{name: text})


@pytest.mark.parametrize("text", ["0", "0.5", "0.99999999"])
def test_slippage_is_a_fraction_of_less_than_one(text):
    assert preferred(market_slippage=text).market_slippage == Decimal(text)


@pytest.mark.parametrize("text", ["1", "-0.01", "5", "1%", "NaN", "Infinity", "some"])
def test_slippage_that_is_none_is_refused(text):
    with pytest.raises(ConfigurationError, match="standard_sandbox_market_slippage must be"):
        preferred(market_slippage=text)


def test_gas_reserve_may_be_nothing():
    assert preferred(gas_reserve="0").gas_reserve == 0


@pytest.mark.parametrize("text", ["-1", "NaN", "Infinity", "all"])
def test_gas_reserve_that_is_none_is_refused(text):
    with pytest.raises(ConfigurationError, match="standard_sandbox_gas_reserve must"):
        preferred(gas_reserve=text)


# Streams

def test_streams_move_with_the_servers_that_offer_them():
    network = resolved(given={"rpc_url": "http://127.0.0.1:9000", "api_url": "http://127.0.0.1:9001"})
    assert network.rpc_ws_urls == ("ws://127.0.0.1:9000/ws",)
    assert {url for _, url in network.ws_urls} == {"ws://127.0.0.1:9001/ws/channels", "ws://127.0.0.1:9001/ws/spot"}


def test_the_node_stream_of_a_url_with_a_query_or_a_path_of_its_own_is_beside_it():
    network = resolved(given={"rpc_url": "https://node.test/x?key=K,https://other.test/ws"})
    assert network.rpc_ws_urls == ("wss://node.test/x/ws?key=K", "wss://other.test/ws")


def test_streams_elsewhere_stay_where_they_are():
    network = resolved("standard", given={"api_url": "https://api.test"})
    assert network.ws_urls == CONSTANTS.NETWORKS["standard"].ws_urls


def test_streams_can_be_named():
    network = resolved(given={"rpc_ws_url": "wss://node.test/socket", "stream_url": "channels+wss://a.test, spot_streams+ws://b.test"})
    assert network.rpc_ws_urls == ("wss://node.test/socket",)
    assert network.ws_urls == ((CONSTANTS.CHANNELS, "wss://a.test"), (CONSTANTS.SPOT_STREAMS, "ws://b.test"))


@pytest.mark.parametrize("name, text", [("rpc_ws_url", "https://node.test"), ("stream_url", "wss://a.test"),
                                        ("stream_url", "pigeons+wss://a.test"), ("stream_url", "channels+http://a.test")])
def test_a_stream_that_is_none_is_refused(name, text):
    with pytest.raises(ConfigurationError, match=f"standard_sandbox_{name} must be"):
        resolved(given={name: text})


@pytest.mark.parametrize("domain, chain_id, steady", [
    ("standard", "", True), ("standard", "5031", True), ("standard", "77", False), (SANDBOX, "", False)])
def test_only_the_known_chains_are_held_to_make_blocks_all_the_time(domain, chain_id, steady):
    assert resolved(domain, given={"chain_id": chain_id}).steady_blocks is steady


@pytest.mark.parametrize(("url", "steady"), [("https://node.test", True), ("http://127.0.0.1:8545", False),
                                             ("https://node.test,http://localhost:8545", False), ("http://[::1]:8545", False)])
def test_a_fork_on_this_machine_may_make_blocks_for_transactions_only(url, steady):
    assert resolved("standard", given={"rpc_url": url}).steady_blocks is steady
