"""Settings: from the environment and .env, refused by name, shown with secrets masked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra import settings
from infra.settings import PREFIX, SettingError


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_defaults_are_those_of_the_reference() -> None:
    chosen = settings.load()

    assert (chosen.data, chosen.host, chosen.port) == (Path("ballyhoo-data"), "127.0.0.1", 8000)
    assert chosen.database_url is None


def test_the_command_line_is_stronger_than_the_environment_and_that_than_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("BALLYHOO_PORT=1001\nBALLYHOO_HOST=::1\nBALLYHOO_LOG_LEVEL=error\n")
    monkeypatch.setenv("BALLYHOO_PORT", "1002")
    monkeypatch.setenv("BALLYHOO_HOST", "0.0.0.0")

    chosen = settings.load(port=1003, host=None)

    assert (chosen.port, chosen.host, chosen.log_level) == (1003, "0.0.0.0", "error")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "http", "BALLYHOO_PORT is wrong: it should be a whole number, not 'http'."),
        ("PORT", "70000", "BALLYHOO_PORT is wrong: it should be less than or equal to 65535, not '70000'."),
        ("DATABASE_URL", "mysql://db", "BALLYHOO_DATABASE_URL is wrong: it must begin with postgresql://."),
        ("LOG_LEVEL", "loud", "BALLYHOO_LOG_LEVEL is wrong: .* not 'loud'."),
        ("OWNER_KEY", "k" * 31, "BALLYHOO_OWNER_KEY is wrong: it must have 32 to 256 characters"),
        ("OWNER_KEY", "k" * 257, "BALLYHOO_OWNER_KEY is wrong: it must have 32 to 256 characters"),
        ("OWNER_KEY", "k" * 31 + "é", "BALLYHOO_OWNER_KEY is wrong: .* each a letter, a digit, - or _"),
        ("OWNER_KEY", "k" * 32 + "\n", "BALLYHOO_OWNER_KEY is wrong"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)

    with pytest.raises(SettingError, match=sentence) as refused:
        settings.load()

    assert "kkk" not in str(refused.value)


@pytest.mark.parametrize("key", ["k" * 32, "k" * 256, "a-Z_0" * 8])
def test_an_owner_key_of_the_right_shape_is_taken(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("BALLYHOO_OWNER_KEY", key)

    chosen = settings.load()

    assert chosen.owner_key is not None
    assert chosen.owner_key.get_secret_value() == key


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALLYHOO_OWNER_KEY", "k" * 40)
    monkeypatch.setenv("BALLYHOO_DATABASE_URL", "postgresql://ann:hunter2@db.example:5433/b?password=hunter2")

    lines = settings.shown(settings.load())

    assert "BALLYHOO_DATABASE_URL=postgresql://ann:********@db.example:5433/b" in lines
    assert "BALLYHOO_OWNER_KEY=********" in lines
    assert "BALLYHOO_PORT=8000" in lines
    assert not any("hunter2" in line or "kkk" in line for line in lines)
