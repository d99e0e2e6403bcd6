"""Answers of the REST API, as JSON files: the shapes of samples and of the documentation, with invented values."""
from pathlib import Path


def payload(name: str) -> bytes:
    """The body of an answer."""
    return (Path(__file__).parent / f"{name}.json").read_bytes()
