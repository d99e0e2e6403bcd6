"""Making native again what the engine gave back wrapped (docs/protocol.md, "Native token").

What a market order in native tokens does not spend comes back as wrapped tokens, which the connector neither trades nor
counts. Each refund is unwrapped by a transaction of its own, which nobody waits for. One that fails is told, and tried once
more by the next start, if the wallet still holds as much; where no node answers, or none that knows of the refund, this is told
and it is left wrapped.
Wrapped tokens of another origin are the user's: told once.
"""
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from hummingbot.connector.exchange.standard.chain.gas import Call, GasLimits
from hummingbot.connector.exchange.standard.chain.intents import FOREVER, Intent, Tracked
from hummingbot.connector.exchange.standard.chain.rpc import RpcClient
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS, WETH_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.transactions import TransactionSender
from hummingbot.connector.exchange.standard.clock import Clock
from hummingbot.connector.exchange.standard.errors import NotSentError, OutcomeForgottenError, OutcomeUnknownError, StandardError
from hummingbot.connector.exchange.standard.markets import Token

UNWRAP = "unwrap"
MAX_REMEMBERED_REFUNDS = 1000
# In seconds, before each look for a refund in the wallet: a node behind the one that told of the order does not know it yet.
LOOK_PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_AGAIN = " The next start tries once more to unwrap them."


class Unwraps:
    """The unwraps of one account. The tag of each is the journal's number of the placement whose refund it unwraps."""

    def __init__(self, address: str, native: Token, rpc: RpcClient, sender: TransactionSender, gas: GasLimits,
                 clock: Clock, follow: Callable[[Coroutine[Any, Any, None]], None], finished: list[Tracked]) -> None:
        """`native` is the wrapper, named as the native token; `follow` runs something in the background. `finished` collects
        what the journal may forget with the placements of its time, and not before: their refunds are unwrapped once."""
        self._address = address
        self._native = native
        self._rpc = rpc
        self._sender = sender
        self._gas = gas
        self._clock = clock
        self._follow = follow
        self._finished = finished
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._left: list[tuple[int, str]] = []  # refunds that were looked for when the network was left, and their tags
        self._told = False

    def resume(self, earlier: Sequence[Tracked], placements: Sequence[Tracked]) -> None:
        """Take up the unwraps among transactions of an earlier run, whose unsettled placements are given too.

        As long as a placement may be settled once more, its refund must not be unwrapped once more.
        """
        unsettled = {str(tracked.id) for tracked in placements}
        unwraps = [tracked for tracked in earlier if tracked.intent.kind == UNWRAP]
        self._seen.update({tracked.intent.tag: None for tracked in unwraps})
        self._follow(self._go_on(unwraps, unsettled))
        left, self._left = self._left, []
        for refund, tag in left:
            self._follow(self._unwrap_what_is_held(refund, tag))

    async def _go_on(self, unwraps: Sequence[Tracked], unsettled: set[str]) -> None:
        try:
            for tracked in unwraps:
                failure = await self._failure(tracked)
                if failure is not None and await self._held() >= _amount(tracked):
                    self._submit(_amount(tracked), tracked.intent.tag)
                if failure is not None or tracked.intent.tag not in unsettled:
                    self._sender.settle(tracked)
            if not self._told and not any(tracked.intent.kind == UNWRAP for tracked in self._sender.pending):
                self._told = True
                await self._tell_of_others()
        except OutcomeUnknownError:
            pass  # the sender was stopped: the next start goes on
        except StandardError as error:
            logging.getLogger(__name__).warning("Wrapped %s in the wallet could not be looked up: %s", self._native.symbol, error)

    async def _tell_of_others(self) -> None:
        held = await self._held()
        if held:
            logging.getLogger(__name__).warning(
                "The wallet holds %s wrapped %s (%s), which are not traded and not counted here: unwrap them (`withdraw`) if "
                "they should be.", self._shown(held), self._native.symbol, self._native.address)

    def unwrap(self, placement: Tracked, refund: int) -> None:
        """Unwrap what a placement left over, in wei, in the background. A placement may be settled a second time: its refund
        is unwrapped once."""
        tag = str(placement.id)
        if tag in self._seen:
            return
        self._seen[tag] = None
        if len(self._seen) > MAX_REMEMBERED_REFUNDS:  # a placement is settled a second time soon or never
            self._seen.popitem(last=False)
        self._follow(self._unwrap_what_is_held(refund, tag))

    async def _unwrap_what_is_held(self, refund: int, tag: str) -> None:
        failure: StandardError | None = None
        for pause in LOOK_PAUSES:
            await self._clock.sleep(pause)
            if pause and not self._sender.is_running:
                failure = failure or NotSentError("the network was left before the wallet was seen to hold them.")
                self._left.append((refund, tag))
                break
            try:
                is_held, failure = await self._held() >= refund, None
            except StandardError as error:
                is_held, failure = False, error
            if is_held:
                logging.getLogger(__name__).info("Unwrapping %s %s that came back of an order", self._shown(refund),
                                                 self._native.symbol)
                self._submit(refund, tag)
                return
        if failure is not None:
            self._tell_failure(refund, str(failure))
        else:
            logging.getLogger(__name__).warning(
                "%s %s that came back of an order are not unwrapped: the wallet does not hold as many wrapped %s (%s).",
                self._shown(refund), self._native.symbol, self._native.symbol, self._native.address)

    def _submit(self, amount: int, tag: str) -> None:
        tracked = self._sender.submit(Intent(
            to=self._native.address, data=WETH_FUNCTIONS["withdraw"].encode(amount), value=0, gas_limit=self._gas.wrap(),
            kind=UNWRAP, tag=tag, patience=FOREVER))
        self._follow(self._see_to(tracked))

    async def _see_to(self, tracked: Tracked) -> None:
        try:
            failure = await self._failure(tracked)
        except OutcomeUnknownError:
            return  # the sender was stopped: the next start goes on
        if failure is not None:
            # The journal has nothing of what was never signed, such as a refund that was looked for until the network was left.
            if not tracked.attempts and not self._sender.is_running:
                self._left.append((_amount(tracked), tracked.intent.tag))
            self._tell_failure(_amount(tracked), failure, _AGAIN if tracked.attempts else "")
        elif tracked.receipt is not None:  # else its block was replaced meanwhile, or it is forgotten: the next start settles it
            self._finished.append(tracked)

    async def _failure(self, tracked: Tracked) -> str | None:
        """Why an unwrap failed, None when it did not or no node tells any more. Raises OutcomeUnknownError when the sender is
        stopped before."""
        try:
            receipt = await tracked.wait()
        except OutcomeForgottenError:
            return None  # the sender has said so; it is never sent again
        except OutcomeUnknownError:
            raise
        except StandardError as error:
            return str(error)
        self._gas.ended(Call.WRAP, tracked.intent.gas_limit, receipt, tracked.submitted)
        return None if receipt.ok else receipt.reason or "it was refused"

    def _tell_failure(self, amount: int, why: str, what_next: str = "") -> None:
        logging.getLogger(__name__).warning(
            "%s %s that came back of an order stay wrapped in the wallet (%s) and are not counted: %s%s `withdraw` of the "
            "contract unwraps them, too.", self._shown(amount), self._native.symbol, self._native.address,
            why if why.endswith(".") else f"{why}.", what_next)

    def _shown(self, units: int) -> str:
        return f"{self._native.from_units(units).normalize():f}"

    async def _held(self) -> int:
        held = await self._rpc.eth_call(self._native.address, ERC20_FUNCTIONS["balanceOf"].encode(self._address))
        return int.from_bytes(held, "big")


def _amount(tracked: Tracked) -> int:
    """How much an unwrap unwraps, in wei: the one argument of its call."""
    return int.from_bytes(tracked.intent.data[4:], "big")
