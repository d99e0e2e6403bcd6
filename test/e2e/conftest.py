"""A sandbox exchange as a child process, and Hummingbot homes: what the end-to-end tests share."""
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.bot import Bot
from demo.bot_home import make_bot_home
from demo.sandbox import Sandbox

PASSWORD = "end to end"
HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They share one sandbox, and two bots at once would make each other late: one process of the test run takes them all."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("end to end"))


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for all tests, on a free port."""
    with Sandbox(tmp_path_factory.mktemp("sandbox") / "sandbox.log") as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def new_bot(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Bot]]:
    """Makes a bot in a fresh home that knows the sandbox; ends the bots that a test leaves running."""
    bots: list[Bot] = []

    def make() -> Bot:
        home: Path = make_bot_home(tmp_path_factory.mktemp("home") / "bot")
        bots.append(Bot(home, PASSWORD, sandbox.environment))
        return bots[-1]

    yield make
    for bot in bots:
        bot.end()
