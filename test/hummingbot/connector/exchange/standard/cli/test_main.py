"""The command line as a whole: what it says where something is missing, and that it ends cleanly."""
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from hummingbot.connector.exchange.standard import cli
from hummingbot.connector.exchange.standard.cli import config, doctor, main

PACKAGE = "hummingbot.connector.exchange.standard"


def test_the_package_runs_as_a_program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["standard", "--help"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module(PACKAGE, run_name="__main__")
    assert end.value.code == 0 and "doctor" in capsys.readouterr().out


@pytest.mark.parametrize(("hummingbot", "packages", "words"), [
    (None, [], "Hummingbot is not installed for"), ("found", ["coincurve"], "pip install 'coincurve'"),
    ("found", [], "This command cannot be loaded: no module named x")])
def test_a_command_that_cannot_be_loaded_says_what_to_install(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hummingbot: str | None, packages: list[str],
        words: str) -> None:
    def unloadable(command: str) -> None:
        raise ImportError("no module named x")

    monkeypatch.setattr(cli, "build_parser", unloadable)
    monkeypatch.setattr(cli, "find_hummingbot", lambda: hummingbot)
    monkeypatch.setattr(cli, "missing_dependencies", lambda: packages)
    assert main(["orders"]) == 1
    assert words in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_ends_the_command_without_a_word(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Closed:
        """A pipe whose reader is gone."""

        def __init__(self) -> None:
            self.file = (tmp_path / "out").open("w")

        def write(self, text: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            return None

        def fileno(self) -> int:
            return self.file.fileno()

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Closed())
        assert main(["config", str(tmp_path / "bot")]) == 1
    assert capsys.readouterr().err == "" and list(config.ready_files())


def test_ctrl_c_ends_the_doctor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "_lines", interrupted)
    assert main(["doctor"]) == 130 and capsys.readouterr().out == ""


@pytest.mark.parametrize(("arguments", "code"), [(["doctor", "--help"], 0), (["orders", "--help"], 0), (["orders", "…"], 2)])
def test_a_terminal_without_unicode_gets_what_it_can_show(arguments: list[str], code: int) -> None:
    ended = subprocess.run([sys.executable, "-m", PACKAGE, *arguments], capture_output=True, check=False,
                           env=os.environ | {"PYTHONIOENCODING": "latin-1"})
    assert ended.returncode == code and b"Traceback" not in ended.stderr and b"usage: " in ended.stdout + ended.stderr
