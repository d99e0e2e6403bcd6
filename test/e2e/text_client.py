"""Hummingbot's text client, as its own launcher starts it (which the published package lacks): for a pseudo terminal."""
import asyncio
import sys

from hummingbot.client.config.config_crypt import ETHKeyFileSecretManger, store_password_verification
from hummingbot.client.config.config_helpers import load_client_config_map_from_file
from hummingbot.client.runner import bootstrap_application


async def _run(password: str) -> None:
    secrets = ETHKeyFileSecretManger(password)
    store_password_verification(secrets)  # as the launcher does when a password is chosen
    application = await bootstrap_application(load_client_config_map_from_file(), secrets, silence_console=True)
    assert application is not None
    await application.run()


if __name__ == "__main__":
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(_run(sys.argv[1]))
