"""`connect standard_sandbox` in the text client, typed into a pseudo terminal."""
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect

from demo.bot import Bot
from demo.sandbox import Sandbox
from test.e2e.conftest import PASSWORD

CONNECTOR = "standard_sandbox"
KEY_PROMPT = "private key of a sandbox account"


@contextmanager
def text_client(bot: Bot, sandbox: Sandbox) -> Iterator["pexpect.spawn[str]"]:
    """The client in a wide terminal, ended by its own `exit`."""
    environment = {**os.environ, **sandbox.environment, "PYTHONPATH": str(bot.home), "TERM": "xterm"}
    client = pexpect.spawn(sys.executable, [str(Path(__file__).with_name("text_client.py")), PASSWORD], cwd=str(bot.home),
                           env=environment, encoding="utf-8", dimensions=(50, 200), timeout=30)
    try:
        client.expect(">>> ")
        yield client
        client.sendline("exit -f")
        client.expect(pexpect.EOF)
    finally:
        client.close(force=True)


def test_connect_stores_a_key_that_works(new_bot: Callable[[], Bot], sandbox: Sandbox) -> None:
    bot = new_bot()
    with text_client(bot, sandbox) as client:
        client.sendline(f"connect {CONNECTOR}")
        client.expect(KEY_PROMPT)
        client.sendline(sandbox.published_key())
        client.expect(f"You are now connected to {CONNECTOR}")
    assert (bot.home / "conf" / "connectors" / f"{CONNECTOR}.yml").exists()


def test_connect_refuses_an_address_in_one_sentence_and_stores_nothing(new_bot: Callable[[], Bot], sandbox: Sandbox) -> None:
    bot = new_bot()
    with text_client(bot, sandbox) as client:
        client.sendline(f"connect {CONNECTOR}")
        client.expect(KEY_PROMPT)
        client.sendline("0x" + "ab" * 20)
        client.expect("Error: .*address.*private key")
    assert not (bot.home / "conf" / "connectors" / f"{CONNECTOR}.yml").exists()
