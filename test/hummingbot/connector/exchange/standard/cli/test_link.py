"""The commands `link`, `unlink` and `config`: what they put where, and everything that they refuse to touch."""
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hummingbot.connector.exchange.standard.cli import config, link, main

ROOT = Path(__file__).parents[6]
EXCLUDED = "/hummingbot/connector/exchange/standard"


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@t", *arguments],
                          check=True, capture_output=True, text=True).stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git repository that looks like Hummingbot's."""
    root = tmp_path / "checkout"
    (root / "hummingbot" / "connector" / "exchange").mkdir(parents=True)
    for folder in ("hummingbot", "hummingbot/connector", "hummingbot/connector/exchange"):
        (root / folder / "__init__.py").touch()
    (root / "hummingbot" / "VERSION").write_text("dev-2.18.0\n")
    git(tmp_path, "init", "-q", str(root))
    git(root, "add", ".")
    git(root, "commit", "-qm", "everything")
    return root


def place(root: Path) -> Path:
    return root / link.PLACE


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a refusal says; nothing may have been done."""
    assert main(list(arguments)) == 1
    told = capsys.readouterr()
    assert told.out == "" and told.err.startswith("Nothing was done: ") and "Traceback" not in told.err
    return told.err


def test_a_link_is_made_told_kept_out_of_git_and_removed_again(checkout, capsys):
    before = (checkout / ".git" / "info" / "exclude").read_text()
    assert main(["link", str(checkout)]) == 0
    out = capsys.readouterr().out
    assert place(checkout).resolve() == link.SOURCE and str(place(checkout)) in out and EXCLUDED in out
    assert "Warning" not in out and git(checkout, "status", "--short") == ""
    assert main(["link", str(checkout)]) == 0
    assert "already" in capsys.readouterr().out
    assert (checkout / ".git" / "info" / "exclude").read_text().count(EXCLUDED) == 1
    assert main(["unlink", str(checkout)]) == 0
    assert not place(checkout).exists() and (link.SOURCE / "standard_exchange.py").is_file()
    assert (checkout / ".git" / "info" / "exclude").read_text() == before
    capsys.readouterr()
    assert "there is no connector" in refused(capsys, "unlink", str(checkout))


def test_a_copy_is_complete_is_renewed_and_only_it_is_removed(checkout, capsys):
    assert main(["link", "--copy", str(checkout)]) == 0
    target = place(checkout)
    assert not target.is_symlink() and git(checkout, "status", "--short") == ""
    original = {file.relative_to(link.SOURCE) for file in link.SOURCE.rglob("*.py")}
    assert {file.relative_to(target) for file in target.rglob("*.py") if "ready" not in file.parts} == original
    assert {file.name for file in (target / "ready" / "conf").rglob("*.yml")} == {
        file.name for file in (ROOT / "conf").rglob("*.yml")}
    (target / "clock.py").write_text("old")
    assert main(["link", "--copy", str(checkout)]) == 0
    assert (target / "clock.py").read_bytes() == (link.SOURCE / "clock.py").read_bytes()
    assert main(["unlink", str(checkout)]) == 0
    assert not target.exists() and (target.parent / "__init__.py").exists()


def test_a_link_is_not_replaced_by_a_copy(checkout, capsys):
    main(["link", str(checkout)])
    capsys.readouterr()
    assert "run `unlink` first" in refused(capsys, "link", "--copy", str(checkout))
    assert place(checkout).is_symlink() and (link.SOURCE / "standard_exchange.py").is_file()


def test_somebody_elses_files_are_neither_replaced_nor_removed(checkout, capsys, tmp_path):
    place(checkout).mkdir()
    (place(checkout) / "mine.py").touch()
    assert "was not made by `link`" in refused(capsys, "link", str(checkout))
    assert "was not made by `link`" in refused(capsys, "link", "--copy", str(checkout))
    assert "was not made by `link`" in refused(capsys, "unlink", str(checkout))
    assert (place(checkout) / "mine.py").is_file()
    shutil.rmtree(place(checkout))
    (tmp_path / "other").mkdir()
    place(checkout).symlink_to(tmp_path / "other")
    assert "unlink" in refused(capsys, "link", str(checkout))
    assert "not this connector" in refused(capsys, "unlink", str(checkout))


def test_a_dangling_link_can_be_removed(checkout, tmp_path):
    place(checkout).symlink_to(tmp_path / "gone")
    assert main(["unlink", str(checkout)]) == 0 and not place(checkout).is_symlink()


@pytest.mark.parametrize(("path", "words"), [
    ("nowhere", "there is no folder"), (".", "is no Hummingbot checkout"), ("checkout/hummingbot", "Did you mean"),
    ("checkout/hummingbot/connector/exchange", "Did you mean")])
def test_what_is_no_checkout_is_refused(checkout, capsys, tmp_path, path, words):
    assert words in refused(capsys, "link", str(tmp_path / path))


def test_this_repository_is_no_checkout(capsys):
    assert "no Hummingbot checkout" in refused(capsys, "link", str(ROOT))


def test_an_installed_hummingbot_is_refused_since_pip_deletes_links(checkout, capsys, tmp_path):
    installed = tmp_path / "lib" / "site-packages"
    installed.mkdir(parents=True)
    shutil.copytree(checkout / "hummingbot", installed / "hummingbot")
    assert "wheel with pip" in refused(capsys, "link", str(installed))


def test_a_wheel_unpacked_into_the_checkout_is_refused(checkout, capsys):
    (checkout / "hummingbot_standard-0.1.0.dist-info").mkdir()
    assert "Uninstall it first" in refused(capsys, "link", str(checkout))


def test_a_checkout_whose_exchanges_live_elsewhere_is_refused(checkout, capsys, tmp_path):
    exchanges = checkout / link.PLACE.parent
    exchanges.rename(tmp_path / "exchanges")
    exchanges.symlink_to(tmp_path / "exchanges")
    assert "is itself a link" in refused(capsys, "link", str(checkout))
    assert not (tmp_path / "exchanges" / "standard").exists()


def test_the_connector_in_the_checkout_is_not_linked_to_itself(checkout, capsys, tmp_path):
    shutil.copytree(link.SOURCE, place(checkout), ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.raises(link.Refusal, match="there already"):
        link.link(checkout, False, place(checkout))
    with pytest.raises(link.Refusal, match="inside each other"):
        link.link(checkout, False, shutil.copytree(link.SOURCE, place(checkout) / "inner"))


def test_an_installed_wheel_is_copied_and_not_linked(checkout, tmp_path):
    wheel = shutil.copytree(link.SOURCE, tmp_path / "site-packages" / link.PLACE, ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.raises(link.Refusal, match="--copy"):
        link.link(checkout, False, wheel)
    link.link(checkout, True, wheel)
    assert (place(checkout) / "standard_exchange.py").is_file()


def test_a_worktree_and_a_folder_without_git_work_too(checkout, tmp_path, capsys):
    git(checkout, "worktree", "add", "-q", str(tmp_path / "tree"))
    assert main(["link", str(tmp_path / "tree")]) == 0
    assert git(tmp_path / "tree", "status", "--short") == ""
    shutil.rmtree(checkout / ".git")
    assert main(["link", str(checkout)]) == 0 and place(checkout).is_symlink()


def test_a_submodule_and_a_checkout_without_a_list_of_names_work_too(checkout, tmp_path, capsys):
    (checkout / ".git").rename(tmp_path / "modules")
    (checkout / ".git").write_text(f"gitdir: {tmp_path / 'modules'}\n")
    (tmp_path / "modules" / "info" / "exclude").unlink()
    assert main(["link", str(checkout)]) == 0
    assert (tmp_path / "modules" / "info" / "exclude").read_text() == EXCLUDED + "\n"
    (tmp_path / "modules" / "info" / "exclude").unlink()
    assert main(["unlink", str(checkout)]) == 0
    assert not place(checkout).exists() and "Traceback" not in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_a_sentence(checkout, capsys, monkeypatch):
    def denied(self, target, target_is_directory=False):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "symlink_to", denied)
    assert main(["link", str(checkout)]) == 1
    assert capsys.readouterr().err == f"It could not be done: Permission denied: {place(checkout)}\n"


def test_half_a_connector_is_not_linked(checkout, tmp_path):
    with pytest.raises(link.Refusal, match="not a complete connector folder"):
        link.link(checkout, False, tmp_path / "nothing")


def test_another_version_is_one_warning_and_stored_keys_are_told_at_unlink(checkout, capsys):
    (checkout / "hummingbot" / "VERSION").write_text("dev-2.99.0\n")
    main(["link", str(checkout)])
    assert capsys.readouterr().out.count("was tested with Hummingbot 20260922") == 1
    (checkout / "conf" / "connectors").mkdir(parents=True)
    (checkout / "conf" / "connectors" / "standard_testnet.yml").touch()
    main(["unlink", str(checkout)])
    assert "standard_testnet.yml" in capsys.readouterr().out


def test_link_needs_nothing_but_python(checkout):
    """With -S no site-packages are there: a clone and a bare Python are enough."""
    done = subprocess.run([sys.executable, "-S", "-m", "hummingbot.connector.exchange.standard", "link", str(checkout)],
                          cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert place(checkout).is_symlink()


def test_the_ready_configurations_are_written_and_nothing_of_the_users_is_replaced(tmp_path, capsys):
    assert main(["config", str(tmp_path)]) == 0
    for folder in ("strategies", "controllers"):
        ours = {file.name for file in (ROOT / "conf" / folder).glob("*.yml")}
        assert ours and {file.name for file in (tmp_path / "conf" / folder).glob("*.yml")} == ours
    assert (tmp_path / "scripts" / "v2_with_controllers.py").is_file()
    mine = tmp_path / "conf" / "strategies" / "pmm_standard.yml"
    mine.write_text("mine")
    capsys.readouterr()
    assert main(["config", str(tmp_path)]) == 0
    words = [line.split()[0] for line in capsys.readouterr().out.splitlines()[:-1]]
    assert words.count("kept") == 1 and set(words) == {"kept", "unchanged"} and mine.read_text() == "mine"
    assert main(["config", "--force", str(tmp_path)]) == 0 and mine.read_text() != "mine"


def test_a_copy_of_the_connector_alone_says_where_the_configurations_are(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(config, "PACKAGE", tmp_path / "hummingbot" / "connector" / "exchange" / "standard")
    assert main(["config", str(tmp_path)]) == 1 and "in the repository" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path, capsys):
    (tmp_path / "conf").write_text("a file")
    assert main(["config", str(tmp_path)]) == 1 and "could not be written" in capsys.readouterr().err
