"""Which seeds have run, so that a long run goes on where it stopped; what ran with other code counts for nothing."""
import hashlib
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".simulation"
_CODE = (ROOT / "hummingbot" / "connector" / "exchange" / "standard", ROOT / "simulation")


def code_digest() -> str:
    """A digest of all code that a simulation runs."""
    digest = hashlib.blake2b(digest_size=8)
    for folder in _CODE:
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


class Progress:
    """The seeds that ran, in a file for each length of simulated time."""

    def __init__(self, hours: float, folder: Path = FOLDER, code: str = "") -> None:
        self._path = folder / f"seeds-{hours:g}h.json"
        self._code = code or code_digest()
        self.clean: set[int] = set()
        self.failed: set[int] = set()
        if self._path.exists():
            state = json.loads(self._path.read_text())
            if state["code"] == self._code:
                self.clean = {seed for first, last in state["clean"] for seed in range(first, last + 1)}
                self.failed = set(state["failed"])

    def note(self, seed: int, clean: bool) -> None:
        """A seed has run."""
        (self.clean if clean else self.failed).add(seed)

    def save(self) -> None:
        """Write it down."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        state = {"code": self._code, "clean": ranges(self.clean), "failed": sorted(self.failed)}
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(state))
        new.replace(self._path)


def ranges(numbers: set[int]) -> list[tuple[int, int]]:
    """The numbers as ranges, both ends included."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found
