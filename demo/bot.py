"""Stock Hummingbot in a home of its own, used through its command line `hbot`, as a person would."""
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import psutil  # type: ignore[import-untyped]

STOP_SECONDS = 40.0


class CommandFailed(RuntimeError):
    """A command of Hummingbot ended with an error; the message has what it printed."""


class Bot:
    """The one bot of a home. Commands run in a session of their own, so that a Ctrl-C reaches only the caller."""

    def __init__(self, home: Path, password: str, environment: Mapping[str, str]) -> None:
        self.home = home
        self._environment = {**os.environ, **environment, "HBOT_PASSWORD": password, "PYTHONPATH": str(home)}

    def hbot(self, *arguments: str, stdin: str = "") -> str:
        """What a command of `hbot` prints. Raises CommandFailed when it ends with an error."""
        return self._run(["-m", "hummingbot.cli.main", *arguments], stdin)

    def connect(self, connector: str, private_key: str) -> str:
        """Store a private key, as `hbot connect` does from a script."""
        return self.hbot("connect", connector, "--keys-stdin", stdin=json.dumps({f"{connector}_private_key": private_key}))

    def standard(self, *arguments: str) -> str:
        """What a command of the connector itself prints. Raises CommandFailed when it ends with an error."""
        return self._run(["-m", "hummingbot.connector.exchange.standard", *arguments])

    def connector_balances(self, connector: str) -> dict[str, dict[str, Decimal]]:
        """Total and available balance of every asset as the connector reads them, unrounded."""
        answer = json.loads(self._run([str(Path(__file__).with_name("connector_view.py")), connector]))
        return {asset: {kind: Decimal(amount) for kind, amount in amounts.items()} for asset, amounts in answer.items()}

    def log_path(self, strategy: str) -> Path:
        """The log file of the bot that runs this strategy file."""
        return self.home / "logs" / f"logs_{Path(strategy).stem}.log"

    def start(self, strategy: str) -> str:
        """Start a strategy of conf/ in the background and return what `hbot start` prints."""
        (self.home / "data" / "bot" / "status.json").unlink(missing_ok=True)  # one of an earlier run would pass for this one's
        return self.hbot("start", strategy)

    def process(self) -> psutil.Process | None:
        """The running bot, when it is one of this home."""
        try:
            process = psutil.Process(int((self.home / "data" / "bot" / "bot.pid").read_text()))
            ours = "hummingbot.cli.engine" in process.cmdline() and Path(process.cwd()).resolve() == self.home
        except (OSError, ValueError, psutil.Error):
            return None
        return process if ours and process.status() != psutil.STATUS_ZOMBIE else None

    def end(self) -> None:
        """End the bot if it still runs: it cancels its orders first. One that hangs is killed."""
        process = self.process()
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(5)

    def _run(self, arguments: list[str], stdin: str = "") -> str:
        done = subprocess.run([sys.executable, *arguments], cwd=self.home, env=self._environment, input=stdin, text=True,
                              capture_output=True, start_new_session=True, check=False)
        if done.returncode != 0:
            raise CommandFailed(f"{' '.join(arguments)} ended with {done.returncode}:\n{(done.stdout + done.stderr).strip()}")
        return done.stdout


def wait_until_trading(bot: Bot, strategy: str, seconds: float, skip: int = 0) -> None:
    """Wait until the strategy has started. `hbot start` says "running" also when a strategy could not be initialised.

    The first `skip` bytes of the log are those of an earlier run. Raises CommandFailed with the errors of the log when
    it did not start.
    """
    log, deadline = bot.log_path(strategy), time.monotonic() + seconds
    while True:
        text = log.read_bytes()[skip:].decode(errors="replace") if log.exists() else ""
        if "started successfully" in text:
            return
        if time.monotonic() > deadline or bot.process() is None:
            errors = [line for line in text.splitlines() if " - ERROR - " in line]
            raise CommandFailed("the strategy did not start:\n" + "\n".join(errors or text.splitlines()[-20:]))
        time.sleep(0.2)
