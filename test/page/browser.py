"""A headless browser for tests, driven over the DevTools protocol: one page, its scripts, its complaints, its pictures."""
import asyncio
import base64
import itertools
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PATH_VARIABLE = "STANDARD_TEST_BROWSER"
START_SECONDS = 30.0
ANSWER_SECONDS = 15.0
_ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
              "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
              "--remote-debugging-port=0", "--force-color-profile=srgb", "--hide-scrollbars", "about:blank")


class Browser:
    """One page. `complaints` are the errors and warnings of its console, uncaught exceptions and refused requests."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.complaints: list[str] = []
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.listening = asyncio.ensure_future(self._listen())

    async def ask(self, method: str, **parameters: Any) -> Any:
        """The result of a command. Raises RuntimeError when the browser refuses it."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(ANSWER_SECONDS):
            return await answer

    async def open(self, url: str) -> None:
        """Go to an address."""
        for domain in ("Page", "Runtime", "Log"):
            await self.ask(f"{domain}.enable")
        await self.ask("Page.navigate", url=url)

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression. Raises RuntimeError when it throws."""
        result = await self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    async def until(self, script: str, seconds: float = 10.0) -> Any:
        """Wait until an expression is true, and return its value."""
        async with asyncio.timeout(seconds):
            while not (value := await self.run(script)):  # noqa: ASYNC110 (any expression, so there is no event)
                await asyncio.sleep(0.05)
        return value

    async def look(self, width: int, height: int, dark: bool = False) -> None:
        """Use a screen of this size and colour scheme."""
        await self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        await self.ask("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    async def picture(self, whole: bool = False) -> bytes:
        """What is seen, or the whole page, as PNG."""
        answer = await self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(answer["data"])

    async def _listen(self) -> None:
        async for message in self._socket:
            self._take(message.json())
        for answer in self._answers.values():
            answer.cancel()

    def _take(self, message: dict[str, Any]) -> None:
        method, parameters = message.get("method"), message.get("params", {})
        if "id" in message:
            answer = self._answers.pop(message["id"])
            if answer.done():
                return
            if "error" in message:
                answer.set_exception(RuntimeError(message["error"]))
            else:
                answer.set_result(message["result"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.complaints.append(str(parameters["entry"]))
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.complaints.append(str(parameters["args"]))


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A browser of its own with a fresh profile; the program is the one that STANDARD_TEST_BROWSER names."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            os.environ[PATH_VARIABLE], f"--user-data-dir={profile}", *_ARGUMENTS,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
        try:
            port = await asyncio.to_thread(_port, Path(profile) / "DevToolsActivePort")
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    target = next(target for target in await answer.json() if target["type"] == "page")
                async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    page = Browser(socket)
                    yield page
                await page.listening
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    async with asyncio.timeout(5):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()


def _port(told: Path) -> int:
    """The port that the browser listens on, once it says so. Raises TimeoutError when it does not."""
    deadline = time.monotonic() + START_SECONDS
    while not told.exists() or not told.read_text().strip():
        if time.monotonic() > deadline:
            raise TimeoutError("the browser did not start")
        time.sleep(0.05)
    return int(told.read_text().split()[0])
