"""How fast the sandbox is, and that its memory stays flat: `make bench-sandbox`, or `python bench/sandbox.py --help`.

Speed: signed limit orders per second from end to end (sent over HTTP, matched or resting, receipt read over HTTP) in
instant mode with the ERC-20 pair's book filled with 1,000 levels a side. The server has one core to itself, the client
that sends orders signed beforehand another one.
Memory: the resident size while so many transactions pass through a node with bounded history. They are handed to the node
directly, without HTTP, so that a million takes minutes.
"""
import argparse
import asyncio
import multiprocessing
import os
import random
import resource
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
from aiohttp import web

from hummingbot.connector.exchange.standard.chain.engine import ENGINE_FUNCTIONS
from hummingbot.connector.exchange.standard.chain.tokens import ERC20_FUNCTIONS
from hummingbot.connector.exchange.standard.clock import SystemClock
from hummingbot.connector.exchange.standard.sandbox.deployment import ACCOUNTS, account_key, build, default_deployment
from hummingbot.connector.exchange.standard.sandbox.node import GWEI, Mining, Node, NodeSettings
from hummingbot.connector.exchange.standard.sandbox.rpc import BODY_LIMIT, JsonRpc
from hummingbot.connector.exchange.standard.sandbox.wallet import Wallet

LEVELS = 1_000
PRICE = 60_000 * 10 ** 8
STEP = 10 ** 8  # one level is 1 USDC away from the next
AMOUNT = 10 ** 5  # 0.001 WBTC
GAS_LIMIT = 3_000_000
CONNECTIONS = 16
MEBIBYTE = 2 ** 20

DEPLOYMENT = default_deployment()
USDC, WBTC = (token.address for token in DEPLOYMENT.tokens)


class Trader:
    """A test account that signs calls in nonce order."""

    def __init__(self, index: int) -> None:
        self.wallet = Wallet(account_key(index))
        self.nonce = 0

    def sign(self, to: str, data: bytes) -> bytes:
        raw = self.wallet.sign(chain_id=DEPLOYMENT.chain_id, nonce=self.nonce, to=to, gas_limit=GAS_LIMIT, gas_price=7 * GWEI,
                               data=data)
        self.nonce += 1
        return raw

    def approvals(self) -> Iterator[bytes]:
        for token in (USDC, WBTC):
            yield self.sign(token, ERC20_FUNCTIONS["approve"].encode(DEPLOYMENT.engine, 2 ** 256 - 1))

    def buy(self, price: int, *, rest: bool = True) -> bytes:
        return self.sign(DEPLOYMENT.engine, ENGINE_FUNCTIONS["limitBuy"].encode(
            WBTC, USDC, price, AMOUNT * price // 10 ** 10 + 1, rest, 20, self.wallet.address))

    def sell(self, price: int) -> bytes:
        return self.sign(DEPLOYMENT.engine, ENGINE_FUNCTIONS["limitSell"].encode(
            WBTC, USDC, price, AMOUNT, True, 20, self.wallet.address))


def new_node(history_blocks: int, levels: int) -> tuple[Node, list[Trader]]:
    """A node in instant mode whose book has so many levels a side, and the traders that still have their nonces."""
    node = Node(build(DEPLOYMENT), SystemClock(), NodeSettings(mining=Mining.INSTANT, history_blocks=history_blocks))
    traders = [Trader(index) for index in range(ACCOUNTS - 2)]
    for trader in traders:
        for raw in trader.approvals():
            node.submit(raw)
    maker = traders[0]
    for level in range(1, levels + 1):
        for raw in (maker.buy(PRICE - level * STEP), maker.sell(PRICE + level * STEP)):
            receipt = node.receipt(node.submit(raw))
            if receipt is None or not receipt.success:
                raise SystemExit("a level of the book could not be placed")
    return node, traders


def orders(traders: list[Trader], count: int, seed: int = 1) -> Iterator[tuple[int, bytes]]:
    """(trader, signed order): three in four rest at a random level, one in four takes what stands at the head."""
    source = random.Random(seed)
    for number in range(count):
        index = number % len(traders)
        distance = STEP * source.randint(1, LEVELS)
        kind = source.randrange(8)
        if kind == 0:
            yield index, traders[index].buy(PRICE + 10 * STEP)
        elif kind == 1:
            yield index, traders[index].sell(PRICE - 10 * STEP)
        elif kind % 2:
            yield index, traders[index].buy(PRICE - distance)
        else:
            yield index, traders[index].sell(PRICE + distance)


def serve(answers: Connection, core: int) -> None:
    """The server process: tells its port and the traders' nonces, then waits for the end and tells the CPU time used."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})

    async def run() -> None:
        node, traders = new_node(10_000, LEVELS)
        app = web.Application(client_max_size=BODY_LIMIT)
        JsonRpc(node, SystemClock()).add_routes(app)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        answers.send((runner.addresses[0][1], [trader.nonce for trader in traders]))
        start = time.process_time()
        await asyncio.get_running_loop().run_in_executor(None, answers.recv)
        answers.send(time.process_time() - start)
        await runner.cleanup()

    asyncio.run(run())


class Sender:
    """Sends the orders of some accounts one after the other, and reads the receipt of each before the next."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url
        self.latencies: list[float] = []
        self.failed = 0

    async def _ask(self, method: str, parameter: str) -> object:
        body = b'{"jsonrpc":"2.0","id":1,"method":"%s","params":["%s"]}' % (method.encode(), parameter.encode())
        async with self._session.post(self._url, data=body) as response:
            answer = await response.json()
        if "error" in answer:
            raise SystemExit(f"{method}: {answer['error']}")
        return answer["result"]

    async def run(self, raws: list[str]) -> None:
        for raw in raws:
            start = time.perf_counter()
            sent = str(await self._ask("eth_sendRawTransaction", raw))
            receipt = await self._ask("eth_getTransactionReceipt", sent)
            self.latencies.append(time.perf_counter() - start)
            if not isinstance(receipt, dict) or receipt["status"] != "0x1" or not receipt["logs"]:
                self.failed += 1


async def send_all(url: str, queues: list[list[str]]) -> tuple[float, list[float], int]:
    """Seconds, the latency of each order, and how many of them failed."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:
        senders = [Sender(session, url) for _ in queues]
        start = time.perf_counter()
        await asyncio.gather(*(sender.run(queue) for sender, queue in zip(senders, queues)))
        seconds = time.perf_counter() - start
    return seconds, sorted(latency for sender in senders for latency in sender.latencies), sum(s.failed for s in senders)


def measure_speed(count: int) -> None:
    """Print orders per second from end to end, latencies and the server's CPU time per order."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, cores[0]), daemon=True)
    server.start()
    port, nonces = ours.recv()
    traders = [Trader(index) for index in range(len(nonces))]
    for trader, nonce in zip(traders, nonces):
        trader.nonce = nonce
    queues: list[list[str]] = [[] for _ in traders]
    for index, raw in orders(traders, count):
        queues[index].append("0x" + raw.hex())
    if len(cores) > 1:
        os.sched_setaffinity(0, set(cores[1:]))
    seconds, latencies, failed = asyncio.run(send_all(f"http://127.0.0.1:{port}/", queues))
    ours.send("end")
    cpu = ours.recv()
    server.join()
    if len(cores) > 1:
        os.sched_setaffinity(0, set(cores))
    if failed:
        raise SystemExit(f"{failed} of {count} orders failed")
    print(f"speed: {count / seconds:,.0f} signed limit orders per second end to end on one core "
          f"({count:,} orders, {LEVELS:,} levels a side, {seconds:.1f} s; server CPU {cpu / count * 1e6:.0f} µs per order)")
    print(f"       send to receipt: median {latencies[len(latencies) // 2] * 1e3:.1f} ms, "
          f"99th percentile {latencies[len(latencies) * 99 // 100] * 1e3:.1f} ms with {len(queues)} accounts sending at once")


def resident() -> float:
    """The resident memory of this process, in MiB."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / MEBIBYTE


def measure_memory(count: int, history_blocks: int) -> None:
    """Print the resident memory while transactions pass: each second one takes the order that the one before left."""
    node, traders = new_node(history_blocks, 50)
    source = random.Random(2)
    filled = min(max(3 * history_blocks, 1), count // 4)  # by then history has gone round and the allocator settled
    start, settled, largest = time.perf_counter(), 0.0, 0.0
    for number in range(0, count, 2):
        price = PRICE + source.randint(-STEP // 2, STEP // 2)
        maker, taker = traders[number // 2 % 4], traders[4 + number // 2 % 4]
        node.submit(maker.sell(price))
        node.submit(taker.buy(price + STEP // 4, rest=False))
        if number <= filled:
            settled = resident()
        elif number % 1000 == 0:
            largest = max(largest, resident())
        if number and number % max(count // 10 // 2 * 2, 2) == 0:
            print(f"       {number:>9,} transactions: {resident():.1f} MiB", flush=True)
    seconds = time.perf_counter() - start
    growth = resident() - settled
    print(f"memory: {settled:.1f} MiB after {filled:,} transactions, {resident():.1f} MiB after {count:,} "
          f"(growth {growth:+.1f} MiB, at most {largest:.1f} MiB), history of {history_blocks:,} blocks; "
          f"handed to the node directly, {count / seconds:,.0f} signed and executed per second")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the sandbox's speed and memory.")
    parser.add_argument("--orders", type=int, default=10_000, help="orders of the speed measurement (10,000)")
    parser.add_argument("--transactions", type=int, default=1_000_000, help="transactions of the memory run (1,000,000)")
    parser.add_argument("--history", type=int, default=5_000, help="blocks that the node of the memory run keeps (5,000)")
    parser.add_argument("--only", choices=("speed", "memory"), help="leave the other one out")
    arguments = parser.parse_args()
    if arguments.only != "memory":
        measure_speed(arguments.orders)
    if arguments.only != "speed":
        measure_memory(arguments.transactions, arguments.history)


if __name__ == "__main__":
    main()
