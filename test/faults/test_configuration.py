"""Settings and endpoints that cannot work (docs/faults.md, F48)."""
import pytest

from hummingbot.connector.exchange.standard.errors import ConfigurationError
from hummingbot.connector.exchange.standard.standard_auth import StandardAuth
from test.hummingbot.connector.exchange.standard.trading import connected, quiet_sandbox


def one_sentence(error: pytest.ExceptionInfo[ConfigurationError]) -> str:
    text = str(error.value)
    assert "\n" not in text and len(text) < 250 and text.endswith((".", "URL."))
    return text


async def refusal(sandbox: object, **settings: str) -> str:
    """What a connector with these settings says when it is to trade."""
    async with connected(sandbox, ready=False, trading_required=False, **settings) as exchange:  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError) as refused:
            await exchange._trading_account()
        return one_sentence(refused)


async def test_f48_a_wrong_chain_is_behind_the_url() -> None:
    async with quiet_sandbox() as sandbox:
        text = await refusal(sandbox, standard_chain_id="5031")
        assert "31337" in text and "5031" in text and "RPC URL" in text and not sandbox.node.pool


async def test_f48_the_engine_is_an_address_without_code_or_another_contract() -> None:
    async with quiet_sandbox() as sandbox:
        for address in ("0x" + "12" * 20, sandbox.markets[0].quote.address):
            text = await refusal(sandbox, standard_engine_address=address)
            assert address in text and "no Standard matching engine" in text


async def test_f48_a_node_that_takes_no_transactions() -> None:
    async with quiet_sandbox() as sandbox:
        del sandbox.json_rpc._methods["eth_sendRawTransaction"]  # type: ignore[attr-defined]
        assert "takes no transactions" in await refusal(sandbox)


async def test_f48_a_node_that_lies_about_its_network_number() -> None:
    """net_version is no proof of anything and is never asked for: such a node serves as well as another."""
    async with quiet_sandbox(hex_net_version=True) as sandbox, connected(sandbox) as exchange:
        assert exchange.ready


@pytest.mark.parametrize("key", ["0x" + "12" * 20, "0x" + "00" * 32, "0x" + "ff" * 32, "correct horse battery staple"])
def test_f48_a_key_that_is_none(key: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        StandardAuth("", key)
    assert key[2:] not in one_sentence(refused)
