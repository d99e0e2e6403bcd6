"""What the connector itself says of the wallet: run in a bot home, prints its balances as exact decimals in JSON.

A process of its own, as every report of Hummingbot rounds: `python demo/connector_view.py standard_sandbox`, with the
home as PYTHONPATH and the keystore's password in HBOT_PASSWORD. It imports nothing else of the demonstration.
"""
import asyncio
import json
import os
import sys


async def _balances(domain: str, password: str) -> dict[str, dict[str, str]]:
    from hummingbot.client.config.config_crypt import ETHKeyFileSecretManger
    from hummingbot.client.config.config_helpers import load_client_config_map_from_file
    from hummingbot.client.config.security import Security
    from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
    from hummingbot.user.user_balances import UserBalances

    if not Security.login(ETHKeyFileSecretManger(password)):
        raise RuntimeError("the password of the keystore is wrong")
    await Security.wait_til_decryption_done()
    connector = UserBalances.connect_market(domain, load_client_config_map_from_file(), **Security.api_keys(domain))
    if connector is None:
        raise RuntimeError(f"no keys are stored for {domain}")
    try:
        await connector._update_balances()
    finally:
        await ConnectionsFactory().close()
    available = connector.available_balances
    return {asset: {"total": str(total), "available": str(available[asset])}
            for asset, total in connector.get_all_balances().items()}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_balances(sys.argv[1], os.environ["HBOT_PASSWORD"]))))
