"""Which files the ready ones are, and that nothing else is taken for them."""
import shutil
from pathlib import Path

import pytest

from hummingbot.connector.exchange.standard.cli import config, link, main
from hummingbot.connector.exchange.standard.cli.ready import FILES, ready_root

ROOT = Path(__file__).parents[6]
KEY = Path("conf", "connectors", "standard.yml")


def a_copy_in(home: Path) -> Path:
    """A connector's folder in a Hummingbot that is also a bot's home, with a key and a strategy of the user's."""
    for name in (KEY, Path("conf", "strategies", "mine.yml"), Path("conf", "strategies", "pmm_standard.yml")):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("mine")
    package = home / "hummingbot" / "connector" / "exchange" / "standard"
    package.mkdir(parents=True)
    for name in ("standard_exchange.py", "standard_utils.py", "standard_constants.py"):
        (package / name).touch()
    return package


def put_ready_files(folder: Path) -> None:
    for name in ("conf", "strategies"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)


def files_below(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_they_are_all_that_this_repository_has() -> None:
    found = {file.relative_to(ROOT).as_posix() for name in ("conf", "strategies") for file in (ROOT / name).rglob("*")
             if file.suffix in (".yml", ".py")}
    assert set(FILES) == found and len(FILES) == len(found)


def test_a_bots_own_folder_is_no_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                       capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(config, "PACKAGE", a_copy_in(tmp_path / "home"))
    for folder in ("home", "other"):
        assert main(["config", str(tmp_path / folder)]) == 1
        captured = capsys.readouterr()
        assert captured.out == "" and "The ready configurations are not here" in captured.err
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("where", ["hummingbot/connector/exchange/standard/ready", "", "ready"])
def test_wherever_they_stand_they_are_written_and_nothing_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                       where: str) -> None:
    package = a_copy_in(tmp_path / "home")
    put_ready_files(tmp_path / "home" / where)
    assert ready_root(package) == tmp_path / "home" / where
    monkeypatch.setattr(config, "PACKAGE", package)
    assert main(["config", str(tmp_path / "bot")]) == 0
    assert files_below(tmp_path / "bot") == {name.removeprefix("strategies/") for name in FILES}


def test_a_copy_of_the_connector_takes_them_along_and_no_key(tmp_path: Path) -> None:
    package = a_copy_in(tmp_path / "clone")
    for checkout in ("without", "with"):
        (tmp_path / checkout / link.PLACE.parent).mkdir(parents=True)
        if checkout == "with":
            put_ready_files(tmp_path / "clone")
        link._copy(package, tmp_path / checkout / link.PLACE)
        assert files_below(tmp_path / checkout / link.PLACE / "ready") == (set(FILES) if checkout == "with" else set())
