"""A scripted REST API as an HTTP transport: answers by path, in the order in which a test gave them."""
import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from hummingbot.connector.exchange.standard.transport import HttpAnswer, nothing


class FakeApi:
    """Answers GET requests; the last answer of a path stays. Whatever was not scripted is a 404."""

    def __init__(self) -> None:
        self.requested: list[str] = []
        self._answers: defaultdict[str, list[HttpAnswer | Exception]] = defaultdict(list)

    def answer(self, path: str, body: Any, status: int = 200, **headers: str) -> None:
        """The next answer to URLs with this beginning after the host; `body` is bytes, a JSON value or an exception."""
        if isinstance(body, Exception):
            self._answers[path].append(body)
        else:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            self._answers[path].append(HttpAnswer(status, named, content))

    def forget(self, path: str) -> None:
        """Whatever was scripted for this path is no more."""
        self._answers[path].clear()

    async def request(self, method: str, url: str, *, body: bytes | None = None, timeout: float,
                      begin: Callable[[], None] = nothing) -> HttpAnswer:
        """See HttpTransport.request."""
        begin()
        assert method == "GET" and body is None
        self.requested.append(url)
        candidates = [path for path, answers in self._answers.items() if answers and (url.startswith(path) or path in url)]
        if not candidates:
            return HttpAnswer(404, {}, b'{"error": "Not found"}')
        answers = self._answers[max(candidates, key=len)]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer
