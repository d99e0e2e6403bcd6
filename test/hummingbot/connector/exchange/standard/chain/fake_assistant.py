"""A WebSocket connection to a node whose other end is the test."""
import asyncio

from hummingbot.core.web_assistant.connections.data_types import WSResponse


class FakeAssistant:
    """A connection whose other end is the test."""

    def __init__(self):
        self.sent = []
        self.options = {}
        self.refusal = None
        self.closed = False
        self._frames = asyncio.Queue()

    async def connect(self, ws_url, **options):
        self.options = {"ws_url": ws_url, **options}
        if isinstance(self.refusal, Exception):
            raise self.refusal
        if self.refusal:
            await asyncio.Event().wait()

    async def send(self, request):
        if self.closed:
            raise RuntimeError("WS is not connected.")
        self.sent.append(request.payload)

    async def receive(self):
        frame = await self._frames.get()
        if isinstance(frame, Exception):
            raise frame
        return frame

    async def disconnect(self):
        self.closed = True

    def tell(self, frame):
        self._frames.put_nowait(frame if isinstance(frame, Exception) or frame is None else WSResponse(frame))

    def answer(self, identity, result):
        self.tell({"jsonrpc": "2.0", "id": identity, "result": result})

    def notify(self, subscription, result):
        self.tell({"jsonrpc": "2.0", "method": "eth_subscription", "params": {"subscription": subscription, "result": result}})
