"""`paper` writes Hummingbot's own settings file, and nothing that somebody else wrote there is lost."""
import pytest
import yaml

import hummingbot.client.config.config_helpers as config_helpers
import hummingbot.client.settings as settings
from hummingbot.connector.exchange.standard.cli import main


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "conf" / "conf_client.yml"
    path.parent.mkdir()
    monkeypatch.setattr(settings, "CLIENT_CONFIG_PATH", path)
    monkeypatch.setattr(config_helpers, "CLIENT_CONFIG_PATH", path)
    return path


def paper_settings(file):
    written = yaml.safe_load(file.read_text())["paper_trade"]
    return written["paper_trade_exchanges"], written["paper_trade_account_balance"]


def test_all_networks_are_added_to_the_list_and_their_native_tokens_get_a_balance(file, capsys):
    assert main(["paper"]) == 0
    exchanges, balances = paper_settings(file)
    assert {"standard", "standard_testnet", "standard_sandbox", "binance"} <= set(exchanges)
    assert (balances["SOMI"], balances["STT"], balances["USDC"]) == (1000, 1000, 100000)
    assert "standard_sandbox_paper_trade" in capsys.readouterr().out


def test_what_was_set_before_stays(file):
    file.write_text("paper_trade:\n  paper_trade_exchanges: [kraken]\n  paper_trade_account_balance: {SOMI: 7}\n"
                    "instance_id: mine\n")
    assert main(["paper", "standard", "--balance", "usdc=50.5"]) == 0
    assert paper_settings(file) == (["kraken", "standard"], {"SOMI": 7, "USDC": 50.5})
    assert yaml.safe_load(file.read_text())["instance_id"] == "mine"


def test_twice_is_as_once(file):
    main(["paper", "standard_sandbox", "--only"])
    once = yaml.safe_load(file.read_text())
    assert main(["paper", "standard_sandbox", "--only"]) == 0
    assert yaml.safe_load(file.read_text()) == once
    assert paper_settings(file)[0] == ["standard_sandbox"]


def test_an_unknown_network_and_a_missing_folder_are_told(file, capsys):
    assert main(["paper", "standart"]) == 1
    assert "standart" in capsys.readouterr().err and not file.exists()
    file.parent.rmdir()
    assert main(["paper"]) == 1
    assert str(file.parent) in capsys.readouterr().err


@pytest.mark.parametrize("balance", ["USDC", "=5", "USDC=", "USDC=many", "USDC=-1", "USDC=NaN"])
def test_a_balance_that_is_none_is_refused(file, balance):
    with pytest.raises(SystemExit):
        main(["paper", "--balance", balance])
    assert not file.exists()
