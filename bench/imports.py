"""What importing the connector costs on top of Hummingbot's own base: row 8 of `make bench`.

Fresh interpreters, one after the other; the best of them counts. The base is what every running Hummingbot has imported already,
its application, and the memory is the resident size that the process grows by.
"""
import json
import subprocess
import sys
from pathlib import Path

from bench.figures import Bar, Figure

TIME_BAR, MEMORY_BAR = Bar(0.15), Bar(8.0)
INTERPRETERS = 7
_REPOSITORY = Path(__file__).resolve().parent.parent
_MEBIBYTE = 2 ** 20
_SCRIPT = """
import gc, json, os, time
import conftest
import hummingbot.client.hummingbot_application, hummingbot.connector.exchange_py_base

def resident():
    with open("/proc/self/statm") as status:
        return int(status.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

gc.collect()
memory, clock, cpu = resident(), time.perf_counter(), time.process_time()
import hummingbot.connector.exchange.standard.standard_exchange
seconds, computing = time.perf_counter() - clock, time.process_time() - cpu
gc.collect()
print(json.dumps([min(seconds, computing), resident() - memory]))
"""


def measure(interpreters: int) -> tuple[float, float]:
    """Seconds and bytes, each the least of so many interpreters."""
    results = []
    for _ in range(interpreters):
        done = subprocess.run([sys.executable, "-c", _SCRIPT], cwd=_REPOSITORY, capture_output=True, text=True, check=True,
                              timeout=120)
        results.append(json.loads(done.stdout.splitlines()[-1]))
    return min(seconds for seconds, _ in results), min(memory for _, memory in results)


def figures(scale: float = 1.0) -> list[Figure]:
    """Row 8; `scale` shortens the measurement."""
    seconds, memory = measure(max(1, round(INTERPRETERS * scale)))
    return [Figure(8, "import of the connector, on top of Hummingbot's base", seconds, "s", TIME_BAR),
            Figure(8, "memory that it takes", memory / _MEBIBYTE, "MB", MEMORY_BAR)]
