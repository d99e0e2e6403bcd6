"""Replays recorded scenarios through JSON-RPC against a fresh sandbox and tells every difference."""
import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import aiohttp
from aiohttp import web

from hummingbot.connector.exchange.standard.clock import Clock, SystemClock
from hummingbot.connector.exchange.standard.sandbox.deployment import build, from_vectors
from hummingbot.connector.exchange.standard.sandbox.node import Mining, Node, NodeSettings
from hummingbot.connector.exchange.standard.sandbox.presets import set_presets
from hummingbot.connector.exchange.standard.sandbox.recording import (
    Json,
    Recording,
    RecordingError,
    Scenario,
    expected_revert,
    load_recording,
    plain,
    revert_of,
)
from hummingbot.connector.exchange.standard.sandbox.replay_views import Answer, Views
from hummingbot.connector.exchange.standard.sandbox.rpc import BODY_LIMIT, JsonRpc
from hummingbot.connector.exchange.standard.sandbox.world import World

CHAIN_ID = 31337
FIRST_TIMESTAMP = 1_750_000_000
PROGRESS_SECONDS = 5.0
NO_ADDRESS = "nothing, since the recording does not tell the address of that name"
_SHOWN = 400


class Mismatch(NamedTuple):
    """One difference: in which scenario and step (a number and label), what, and the two values."""

    scenario: str
    step: str
    what: str
    expected: Any
    got: Any

    def __str__(self) -> str:
        expected, got = _short(self.expected), _short(self.got)
        return f"{self.scenario}, step {self.step}: {self.what}: expected {expected}, got {got}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN - 100]}…{text[-100:]} ({len(text)} characters)"


class RpcClient:
    """The replay's own small JSON-RPC client."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def batch(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Answer]:
        """The answers to these requests, in order."""
        if not calls:
            return []
        requests = [{"jsonrpc": "2.0", "id": index, "method": method, "params": parameters}
                    for index, (method, parameters) in enumerate(calls)]
        answers: list[Json] = []
        for start in range(0, len(requests), 500):
            async with self._session.post(self._url, json=requests[start:start + 500]) as response:
                answers += await response.json()
        return [Answer(answer.get("result"), answer.get("error")) for answer in answers]

    async def one(self, method: str, *parameters: Any) -> Answer:
        """The answer to one request."""
        return (await self.batch([(method, list(parameters))]))[0]


@asynccontextmanager
async def _fresh_node(recording: Recording, scenario: Scenario, clock: Clock) -> AsyncIterator[tuple[RpcClient, World]]:
    """A node in the scenario's initial state, without its presets, served over HTTP on loopback; and its world."""
    world = build(from_vectors(recording.contents, scenario.raw))
    for sender, nonce in scenario.first_nonces().items():
        world.set_nonce(sender, nonce)
    node = Node(world, clock, NodeSettings(
        chain_id=CHAIN_ID, mining=Mining.INSTANT, first_block=scenario.first_block(), base_fee=0, priority_fee=0,
        timestamp=lambda number: FIRST_TIMESTAMP + number))
    app = web.Application(client_max_size=BODY_LIMIT)
    JsonRpc(node, clock).add_routes(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        async with aiohttp.ClientSession() as session:
            yield RpcClient(session, f"http://{host}:{port}/"), world
    finally:
        await runner.cleanup()


class ScenarioReplay:
    """One scenario: runs its steps, collects what differs. `gas` holds (recorded, used) of each transaction, `unmodelled`
    the labels of the calls that the sandbox does not imitate, `unknown_presets` the keys that it does not know."""

    def __init__(self, recording: Recording, scenario: Scenario, clock: Clock) -> None:
        self.mismatches: list[Mismatch] = []
        self.gas: list[tuple[int, int]] = []
        self.unmodelled: list[str] = []
        self.unknown_presets: list[str] = []
        self._recording = recording
        self._scenario = scenario
        self._clock = clock
        self._step = ""
        self._views = Views(recording, recording.balance_names(scenario))
        self._balances: dict[tuple[str, str], Any] = {}

    async def run(self) -> None:
        """Run every step. The initial state is compared before its presets are set: a recording may tell it as it was before
        them or after."""
        for segment in self._scenario.segments:
            async with _fresh_node(self._recording, self._scenario, self._clock) as (rpc, world):
                self._step = "initial state"
                await self._compare_initial_state(rpc)
                self._preset(world, self._scenario.raw)
                for index, step in segment:
                    self._step = f"{index} ({step.get('label', step['kind'])})"
                    self._preset(world, step)
                    try:
                        await self._replay(rpc, step)
                    except (AttributeError, LookupError, TypeError, ValueError) as error:
                        self._compare("step", "one that can be replayed", f"{type(error).__name__} {error}")

    async def _compare_initial_state(self, rpc: RpcClient) -> None:
        raw = self._scenario.raw
        await self._compare_state(rpc, raw["initial_pairs"])
        self._balances = await self._read_balances(rpc)
        for name, tokens in raw["initial_balances"].items():
            for token, amount in tokens.items():
                self._compare(f"balance of {name} {token}", amount, self._balances.get((name, token), NO_ADDRESS))

    def _preset(self, world: World, raw: Json) -> None:
        """Set the presets of the scenario, or of one of its steps."""
        self.unknown_presets += set_presets(world, self._recording.addresses, self._scenario.raw["pairs"],
                                            raw.get("preset") or {})

    async def _replay(self, rpc: RpcClient, step: Json) -> None:
        if step["kind"] == "tx":
            await self._transaction(rpc, step)
        elif "data" in step:
            await self._view(rpc, step)

    def _compare(self, what: str, expected: Any, got: Any) -> None:
        if expected != got:
            self.mismatches.append(Mismatch(self._scenario.name, self._step, what, expected, got))

    async def _transaction(self, rpc: RpcClient, step: Json) -> None:
        message = {"from": step["from"], "to": step["to"], "value": hex(step["value"]), "gas": hex(step["gasLimit"]),
                   "data": step["data"]}
        # The pending block is the one that the transaction will be in: some errors carry its time.
        called, sent = await rpc.batch([("eth_call", [message, "pending"]), ("eth_sendRawTransaction", [step["raw_tx"]])])
        self._compare_outcome(step.get("revert"), step["return_data"], called)
        if sent.error is not None:
            self._compare("answer to eth_sendRawTransaction", step["hash"], sent.error["message"])
            return
        self._compare("hash", step["hash"], sent.result)
        receipt = (await rpc.one("eth_getTransactionReceipt", sent.result)).result
        if receipt is None:
            self._compare("receipt", "one", None)
            return
        self._compare("block number", step["blockNumber"], int(receipt["blockNumber"], 16))
        self._compare("status", step["status"], int(receipt["status"], 16))
        self.gas.append((step["gasUsed"], int(receipt["gasUsed"], 16)))
        self._compare_logs(step["logs"], receipt["logs"])
        await self._compare_deltas(rpc, step["balance_delta"])
        await self._compare_state(rpc, step["after"])

    async def _view(self, rpc: RpcClient, step: Json) -> None:
        if not self._views.is_modelled(step["data"]):
            self.unmodelled.append(step["label"])
            return
        message = {name: step[name] for name in ("from", "to", "data") if name in step}
        answer = await rpc.one("eth_call", message, "latest")
        self._compare_outcome(step.get("revert"), step.get("return_data"), answer)

    def _compare_outcome(self, revert: Any, return_data: str | None, answer: Answer) -> None:
        if answer.error is None:
            self._compare("revert", revert, None)
            if return_data is not None:
                self._compare("return data", return_data, answer.result)
        elif answer.error["code"] != 3:
            self._compare("answer to eth_call", return_data if revert is None else revert, answer.error["message"])
        else:
            data = bytes.fromhex(answer.error["data"][2:])
            if revert is None:
                self._compare("revert", None, plain(revert_of(data)))
            else:
                signature, arguments = revert_of(data)
                wanted, wanted_arguments = expected_revert(revert)
                # A recording may tell the decoded form of an argument after the arguments themselves.
                self._compare("revert", plain((wanted, wanted_arguments[:len(arguments)])), plain((signature, arguments)))

    def _compare_logs(self, expected: list[Json], got: list[Json]) -> None:
        self._compare("number of logs", len(expected), len(got))
        for index, (wanted, log) in enumerate(zip(expected, got)):
            for name in ("address", "topics", "data"):
                self._compare(f"{name} of log {index}", plain(wanted[name]), plain(log[name]))

    async def _read_balances(self, rpc: RpcClient) -> dict[tuple[str, str], Any]:
        keys, calls = self._views.balance_calls()
        return {key: answer.integer() for key, answer in zip(keys, await rpc.batch(calls))}

    async def _compare_deltas(self, rpc: RpcClient, expected: Json) -> None:
        before, self._balances = self._balances, await self._read_balances(rpc)
        for (name, token), balance in self._balances.items():
            wanted = expected.get(name, {}).get(token)
            if wanted is None and token.startswith("allowance:"):
                continue
            self._compare(f"balance change of {name} in {token}", wanted or 0, balance - before[name, token])
        for name, tokens in expected.items():
            for token, wanted in tokens.items():
                if (name, token) not in self._balances:
                    self._compare(f"balance change of {name} in {token}", wanted, NO_ADDRESS)

    async def _compare_state(self, rpc: RpcClient, expected: Json) -> None:
        for pair, state in expected.items():
            queries = self._views.state_queries(pair, state)
            answers = iter(await rpc.batch([call for query in queries for call in query.calls]))
            for query in queries:
                got = query.read([next(answers) for _ in query.calls])
                self._compare(f"{pair} {query.what}", plain(query.expected), plain(got))


async def _replay(paths: Sequence[str | Path], out: TextIO, progress: TextIO | None, clock: Clock) -> int:
    recordings = [load_recording(path) for path in paths]
    total = sum(len(recording.scenarios) for recording in recordings)
    scenarios = steps = mismatches = silent = 0
    gas: list[tuple[int, int]] = []
    unmodelled: list[str] = []
    told_at = clock.monotonic()
    for recording in recordings:
        for scenario in recording.scenarios:
            replay = ScenarioReplay(recording, scenario, clock)
            try:
                await replay.run()
            except (KeyError, TypeError, AttributeError) as error:
                raise RecordingError(f"Scenario {scenario.name} is not a recording that can be replayed: "
                                     f"{type(error).__name__} {error}") from error
            scenarios += 1
            steps += len(scenario.raw["steps"])
            silent += sum(step["kind"] != "tx" and "data" not in step for step in scenario.raw["steps"])
            mismatches += len(replay.mismatches)
            gas += replay.gas
            unmodelled += replay.unmodelled
            for mismatch in replay.mismatches:
                out.write(f"{mismatch}\n")
            for key in dict.fromkeys(replay.unknown_presets):
                out.write(f"{scenario.name}: the sandbox does not know the preset {key}, which was left out\n")
            if progress is not None and clock.monotonic() - told_at > PROGRESS_SECONDS:
                told_at = clock.monotonic()
                progress.write(f"{scenarios} of {total} scenarios\n")
    for line in _statistics(gas, silent, unmodelled):
        out.write(f"{line}\n")
    out.write(f"{scenarios} scenarios, {steps} steps, {mismatches} mismatches\n")
    return 1 if mismatches else 0


def _statistics(gas: Sequence[tuple[int, int]], silent: int, unmodelled: Sequence[str]) -> Iterator[str]:
    if silent:
        yield f"{silent} steps without calldata (measurements of the recorder) were not replayed"
    if unmodelled:
        yield f"{len(unmodelled)} calls of what the sandbox does not imitate were not compared: {', '.join(unmodelled)}"
    ratios = sorted(abs(used - recorded) / recorded for recorded, used in gas if recorded)
    if ratios:
        yield (f"gas used differs from the recorded by {ratios[len(ratios) // 2]:.1%} in the median, "
               f"{ratios[int(len(ratios) * 0.9)]:.1%} in the worst tenth, {ratios[-1]:.1%} at most")


def run_replay(paths: Sequence[str | Path], out: TextIO, progress: TextIO | None = None) -> int:
    """Replay the files and write one line per mismatch to `out`, at the end "N scenarios, M steps, K mismatches".

    Returns 0 without mismatches, 1 with some and 2 when a file is no recording (`out` then gets one sentence about it).
    Progress goes to `progress` every few seconds. Gas used is told as a statistic, it is never a mismatch.
    """
    try:
        return asyncio.run(_replay(paths, out, progress, SystemClock()))
    except RecordingError as error:
        out.write(f"{error}\n")
        return 2
