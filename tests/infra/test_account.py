"""Who runs the embedded Postgres, and with which rights."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapters.postgres import account
from adapters.postgres.account import Account, EmbeddedError

NOBODY = Account(65534, 65534)


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A file that only its owner can reach."""
    (tmp_path / "closed").mkdir(mode=0o700)
    file = tmp_path / "closed" / "file"
    file.touch()
    return file


def test_an_ordinary_user_stays_who_he_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    ordinary = Account.for_folder(tmp_path)

    assert ordinary == Account(None, None)
    assert not {"--reuid", "--ambient-caps"} & set(ordinary.prefix(tmp_path))


def test_root_becomes_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert Account.for_folder(tmp_path / "new").name == "nobody"


def test_the_server_keeps_no_right_where_every_folder_is_open() -> None:
    command = NOBODY.prefix(Path("/usr/bin/env"))

    assert "--ambient-caps" not in command
    assert "--no-new-privs" in command


def test_a_closed_folder_is_passed_by_one_capability(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "_holds", lambda capability: True)

    command = NOBODY.prefix(closed)

    assert command[-2:] == ["--ambient-caps", "+dac_override"]


def test_without_that_capability_the_folder_is_named(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "_holds", lambda capability: False)

    with pytest.raises(EmbeddedError, match=f"the account .* cannot reach {closed}: choose a folder whose"):
        NOBODY.prefix(closed)


def test_a_machine_without_setpriv_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(EmbeddedError, match="needs the program setpriv"):
        NOBODY.prefix()
