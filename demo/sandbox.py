"""The sandbox exchange as a child process on a free port of this machine."""
import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from demo.chain_view import Node

HOST = "127.0.0.1"
START_SECONDS = 30.0
REPOSITORY = Path(__file__).resolve().parent.parent


class Sandbox:
    """Starts when it is entered and is ready then; ends when it is left."""

    def __init__(self, log: Path, *arguments: str) -> None:
        self.log = log
        self.port = _free_port()
        self.url = f"http://{HOST}:{self.port}"
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a connector must find in its environment to use this sandbox."""
        return {"STANDARD_SANDBOX_RPC_URL": self.url, "STANDARD_SANDBOX_API_URL": self.url}

    def __enter__(self) -> "Sandbox":
        self._output = self.log.open("wb")
        command = [sys.executable, "-m", "hummingbot.connector.exchange.standard", "sandbox", "--port", str(self.port)]
        self._process = subprocess.Popen([*command, *self._arguments], cwd=REPOSITORY, stdin=subprocess.DEVNULL,
                                         stdout=self._output, stderr=subprocess.STDOUT, start_new_session=True,
                                         env={**os.environ, "PYTHONUNBUFFERED": "1"})
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._output is not None:
            self._output.close()

    def published_key(self) -> str:
        """The private key of the account that the sandbox prints for newcomers."""
        found = re.search(r"\b0x[0-9a-f]{64}\b", self.log.read_text(encoding="utf-8"))
        if found is None:
            raise RuntimeError(f"the sandbox printed no key, see {self.log}")
        return found[0]

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        node = Node(self.url)
        while True:
            with contextlib.suppress(OSError):
                node.block_number()
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the sandbox did not start: {self.log.read_text(encoding='utf-8')[-2000:]}")
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port
