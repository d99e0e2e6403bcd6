"""What goes wrong with the sandbox's WebSocket streams, as switches that may change while it runs."""
from dataclasses import dataclass, fields
from random import Random

DAMAGES = ("drop", "duplicate", "reorder", "wrong_sequence", "malformed", "oversized")


@dataclass
class StreamFaults:
    """The switches, all off. They apply to every stream connection, those that exist included.

    Each damage to single data messages has a share (0 to 1) of the messages that it meets at random, and a count of the
    next messages that it meets for certain: a dropped message is never sent, a duplicated one is sent twice, a reordered
    one comes after the one that follows it, one with a wrong sequence claims numbers that do not follow, a malformed one
    is cut or mistyped, an oversized one is padded by `oversized_bytes`.
    """

    stall: bool = False  # nothing is sent any more, and pings of the protocol are not answered
    stall_with_pongs: bool = False  # no data and no answers to requests; heartbeats and pings are answered
    close_code: int = 0  # connections are closed with this code, new ones as soon as they are open
    refuse: bool = False  # the handshake is answered with HTTP 503
    refuse_authentication: bool = False  # no signature is good enough
    ignore_unsubscribe: bool = False  # acknowledged, but the data go on
    ignore_requests: bool = False  # requests are read and never answered
    late_seconds: float = 0.0  # each message leaves so much later than the one before: the client falls behind
    drop: float = 0.0
    drop_next: int = 0
    duplicate: float = 0.0
    duplicate_next: int = 0
    reorder: float = 0.0
    reorder_next: int = 0
    wrong_sequence: float = 0.0
    wrong_sequence_next: int = 0
    malformed: float = 0.0
    malformed_next: int = 0
    oversized: float = 0.0
    oversized_next: int = 0
    oversized_bytes: int = 16 * 1024 * 1024

    def clear(self) -> None:
        """Switch everything off."""
        for entry in fields(self):
            setattr(self, entry.name, entry.default)

    @property
    def silent(self) -> bool:
        """Whether data are held back."""
        return self.stall or self.stall_with_pongs

    def damage(self, random: Random) -> str | None:
        """What happens to the next data message: one of DAMAGES, or nothing."""
        for kind in DAMAGES:
            left = getattr(self, f"{kind}_next")
            if left > 0:
                setattr(self, f"{kind}_next", left - 1)
                return kind
        for kind in DAMAGES:
            share = getattr(self, kind)
            if share > 0 and random.random() < share:
                return kind
        return None
