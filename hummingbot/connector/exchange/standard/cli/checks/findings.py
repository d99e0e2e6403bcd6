"""What a check of `doctor` found, and what to do about it."""
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

from hummingbot.connector.exchange.standard.chain.endpoints import host_of

# Shorter parts of a URL are words such as "v2" and "ws".
_SHORTEST_SECRET = 6


class Verdict(StrEnum):
    """PASS needs nothing, WARN may cost money or time, FAIL prevents trading, SKIP could not be looked at."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class Finding(NamedTuple):
    """One line of the table; `advice` says what to do, and is empty when nothing is."""

    check: str
    verdict: Verdict
    detail: str
    advice: str = ""


def passed(check: str, detail: str) -> Finding:
    """Nothing to do."""
    return Finding(check, Verdict.PASS, detail)


def warned(check: str, detail: str, advice: str) -> Finding:
    """Trading works, but."""
    return Finding(check, Verdict.WARN, detail, advice)


def failed(check: str, detail: str, advice: str) -> Finding:
    """Trading does not work before this is mended."""
    return Finding(check, Verdict.FAIL, detail, advice)


def skipped(check: str, detail: str, advice: str = "") -> Finding:
    """Not looked at, since something else is missing."""
    return Finding(check, Verdict.SKIP, detail, advice)


def without_secrets(finding: Finding, urls: Iterable[str]) -> Finding:
    """The finding with only the host of every configured URL: a user name, path or query may be an access key."""
    check, verdict, *texts = finding
    for url in urls:
        texts = [text.replace(url, host_of(url)) for text in texts]
        parts = urlsplit(url)
        for secret in re.split("[/:@&=]", f"{parts.netloc.rpartition('@')[0]}/{parts.path}/{parts.query}"):
            if len(secret) >= _SHORTEST_SECRET:
                texts = [text.replace(secret, "…") for text in texts]
    return Finding(check, verdict, *texts)
