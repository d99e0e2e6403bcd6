"""The base class that Hummingbot's conformance suite imports from its own repository and does not ship.

Each test gets a fresh event loop as `local_event_loop`; afterwards the loop that was current before is put back, since
other tests ask for it.
"""
import asyncio
import unittest
from collections.abc import Coroutine
from typing import Any, ClassVar


class IsolatedAsyncioWrapperTestCase(unittest.IsolatedAsyncioTestCase):
    main_event_loop: ClassVar[asyncio.AbstractEventLoop]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        try:
            cls.main_event_loop = asyncio.get_event_loop()
        except RuntimeError:
            cls.main_event_loop = asyncio.new_event_loop()

    @classmethod
    def tearDownClass(cls) -> None:
        cls._restore_main_event_loop()
        super().tearDownClass()

    def setUp(self) -> None:
        super().setUp()
        self.local_event_loop = asyncio.get_event_loop()

    def tearDown(self) -> None:
        super().tearDown()
        self._restore_main_event_loop()

    def run_async_with_timeout(self, coroutine: Coroutine[Any, Any, Any], timeout: float = 1.0) -> Any:
        return self.local_event_loop.run_until_complete(asyncio.wait_for(coroutine, timeout))

    @classmethod
    def _restore_main_event_loop(cls) -> None:
        if cls.main_event_loop.is_closed():
            cls.main_event_loop = asyncio.new_event_loop()
        asyncio.set_event_loop(cls.main_event_loop)
