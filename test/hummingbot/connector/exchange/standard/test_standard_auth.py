"""Logins to private streams: a signature under the documented text, recoverable by anybody, each of them once."""
import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from hummingbot.connector.exchange.standard.errors import ConfigurationError
from hummingbot.connector.exchange.standard.standard_auth import StandardAuth
from hummingbot.core.web_assistant.connections.data_types import RESTMethod, RESTRequest, WSJSONRequest
from test.hummingbot.connector.exchange.standard.clocks import ManualClock

KEY = "0x" + "11" * 32
ADDRESS = Account.from_key(KEY).address
ENGINE = "0x3Cb2CBb0CeB96c9456b11DbC7ab73c4848F9a14c"


def bound(clock: ManualClock) -> StandardAuth:
    auth = StandardAuth(ADDRESS, KEY, clock)
    auth.bind(5031, ENGINE)
    return auth


async def test_the_signature_under_the_documented_text_is_the_wallets() -> None:
    params = await bound(ManualClock(1_760_000_120.0)).get_ws_auth_params()
    assert set(params) == {"api_key", "timestamp", "signature"}
    assert (params["api_key"], params["timestamp"]) == (ADDRESS.lower(), 1_760_000_120_000)
    text = (f"Standard stream login\nengine: {ENGINE.lower()}\nchain: 5031\naddress: {ADDRESS.lower()}\n"
            "timestamp: 1760000120000")
    assert Account.recover_message(encode_defunct(text=text), signature=params["signature"]) == ADDRESS


async def test_no_two_logins_are_the_same_even_when_the_clock_stands_or_goes_back() -> None:
    clock = ManualClock(1_000.0)
    auth = bound(clock)
    first, second = await auth.get_ws_auth_params(), await auth.get_ws_auth_params()
    clock.now = 500.0
    third = await auth.get_ws_auth_params()
    assert [login["timestamp"] for login in (first, second, third)] == [1_000_000, 1_000_001, 1_000_002]
    assert len({login["signature"] for login in (first, second, third)}) == 3


async def test_a_login_needs_to_know_its_exchange() -> None:
    with pytest.raises(ConfigurationError):
        await StandardAuth("", KEY).get_ws_auth_params()


def test_a_key_of_another_address_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigurationError, match="does not belong") as refused:
        StandardAuth("0x" + "22" * 20, KEY)
    assert "1111" not in str(refused.value)


async def test_requests_carry_no_secret() -> None:
    auth = bound(ManualClock())
    request = await auth.ws_authenticate(WSJSONRequest({"id": 1}))
    assert request == WSJSONRequest({"id": 1}) and request.payload == {"id": 1} and not request.is_auth_required
    reading = await auth.rest_authenticate(RESTRequest(RESTMethod.POST, "https://api.test/api/exchange", params={"a": "1"},
                                                       data="{}", headers={"b": "2"}))
    assert (reading.url, reading.params, reading.data, reading.headers) == (
        "https://api.test/api/exchange", {"a": "1"}, "{}", {"b": "2"})
    assert KEY[2:] not in repr(vars(auth))
