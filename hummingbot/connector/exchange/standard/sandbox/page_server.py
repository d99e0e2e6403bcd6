"""The page for looking: its files at / and /page/, and the WebSocket that keeps it up to date.

It only shows. Whatever is wrong with the exchange on purpose, the page is spared, so that one can watch.
"""
import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web

from hummingbot.connector.exchange.standard.sandbox.page_view import Choice, PageView

if TYPE_CHECKING:
    from hummingbot.connector.exchange.standard.sandbox.server import Sandbox

FILES = Path(__file__).with_name("page")
SOCKET_PATH = "/page/socket"
SECONDS_BETWEEN_VIEWS = 0.25
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                               "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}


class Page:
    """Serves the page of a sandbox."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox
        self._view = PageView(sandbox)
        self._viewers: dict[web.WebSocketResponse, Choice | None] = {}
        self._files = {path.name: path.read_text(encoding="utf-8") for path in FILES.iterdir() if path.suffix in _TYPES}

    def mount(self, app: web.Application) -> None:
        """Add the routes to an app. At the root a WebSocket is the node's, anything else gets the page."""
        app.router.add_get("/", self._root)
        app.router.add_get(SOCKET_PATH, self._serve_viewer)
        app.router.add_get("/page/{name}", self._serve_file)
        app.on_shutdown.append(self._shut_down)

    async def _shut_down(self, _: web.Application) -> None:
        await asyncio.gather(*(viewer.close(code=1001, message=b"the sandbox stops") for viewer in tuple(self._viewers)))

    async def _root(self, request: web.Request) -> web.StreamResponse:
        if "Upgrade" in request.headers:
            return await self._sandbox.rpc_stream.serve(request)
        return self._file("index.html")

    async def _serve_file(self, request: web.Request) -> web.Response:
        return self._file(request.match_info["name"])

    def _file(self, name: str) -> web.Response:
        if name not in self._files:
            raise web.HTTPNotFound
        return web.Response(text=self._files[name], content_type=_TYPES[Path(name).suffix], charset="utf-8", headers=_HEADERS)

    async def _serve_viewer(self, request: web.Request) -> web.StreamResponse:
        """Send four views a second of what the newest message chose, from the first message on."""
        if not _is_same_origin(request):
            return web.json_response({"error": "only for the sandbox's own page"}, status=403)
        viewer = web.WebSocketResponse(heartbeat=20.0, max_msg_size=4096, timeout=1.0)
        await viewer.prepare(request)
        self._viewers[viewer] = None
        telling = asyncio.get_running_loop().create_task(self._tell(viewer))
        try:
            async for message in viewer:
                if message.type is WSMsgType.TEXT:
                    self._viewers[viewer] = _choice(message.data)
        finally:
            del self._viewers[viewer]
            telling.cancel()
            await asyncio.wait([telling])
        if not telling.cancelled():
            telling.result()
        return viewer

    async def _tell(self, viewer: web.WebSocketResponse) -> None:
        try:
            while True:
                choice = self._viewers[viewer]
                if choice is not None:
                    await viewer.send_str(json.dumps(self._view.show(choice), separators=(",", ":")))
                await self._sandbox.clock.sleep(SECONDS_BETWEEN_VIEWS)
        except ConnectionError:
            # The viewer is gone, which ends what is told to it.
            return
        finally:
            await viewer.close()


def _choice(text: str) -> Choice:
    try:
        return Choice.read(json.loads(text))
    except (ValueError, RecursionError):
        return Choice()


def _is_same_origin(request: web.Request) -> bool:
    """Whether the page asks, or a program that is no browser: pages of other origins must not look in."""
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host
