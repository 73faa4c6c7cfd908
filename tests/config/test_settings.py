"""Promises of the settings: a wrong one stops the start and says which it is, and why."""

from __future__ import annotations

import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config import Settings, SettingsError, load
from config.settings import ENV_PREFIX, FILE_NAME, default_home


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own, and no setting from outside."""
    for variable in list(os.environ):
        if variable.startswith(ENV_PREFIX):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("SHENAVA_HOME", str(tmp_path))
    return tmp_path


def _write(home: Path, text: str) -> None:
    (home / FILE_NAME).write_text(text, encoding="utf-8")


def test_without_any_setting_it_listens_to_this_machine_alone_and_keeps_all_in_its_folder(
    home: Path,
) -> None:
    settings = load()
    assert settings.address == "http://127.0.0.1:8000"
    assert settings.database == f"sqlite:///{home / 'shenava.db'}"
    assert settings.zone == ZoneInfo("Asia/Tehran")


def test_the_environment_outranks_the_file_and_the_file_the_default(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load().port == 8000
    _write(home, 'port = 8001\nlanguage = "en"\n')
    assert (load().port, load().language) == (8001, "en")
    monkeypatch.setenv("SHENAVA_PORT", "8002")
    assert (load().port, load().language) == (8002, "en")
    assert load(port=8003).port == 8003


WRONG = {
    "port": ["0", "65536", "http", ""],
    "trusted_proxies": ["-1", "6"],
    "web_threads": ["0", "65"],
    "public_url": [
        "shop.example",
        "ftp://shop.example",
        "http://shop.example",
        "http://192.168.1.7:8000",
        "http://127.0.0.1.shop.example",
        "http://localhost@shop.example",
    ],
    "time_zone": ["Teheran", "", "../etc/passwd", "/etc/localtime"],
    "language": ["farsi", "FA"],
    "calendar": ["lunar"],
    "first_weekday": ["friday"],
    "answer_urgent_minutes": ["0", "10081", "1.5", "ten"],
    "answer_high_minutes": ["0"],
    "answer_normal_minutes": ["-5"],
    "urgent_around_the_clock": ["perhaps"],
    "reach_followers": ["0"],
    "model_threads": ["0"],
    "model_labels": ["negative", "LABEL_0=", "=negative"],
    "session_hours": ["0", "721"],
    "sign_in_attempts": ["2"],
    "invite_hours": ["0"],
    "smtp_port": ["0"],
    "smtp_security": ["ssl"],
    "mail_from": ["alerts"],
    "log_level": ["verbose", "INFO"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_wrong_value_is_named_with_its_setting_its_variable_and_itself(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = ENV_PREFIX + name.upper()
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as stopped:
        load()
    sentence = str(stopped.value)
    assert sentence.startswith(f"The setting {name} ({variable}) cannot be {value!r}: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize("name", sorted(set(Settings.model_fields) - {"home"}))
def test_whatever_is_written_into_any_setting_it_is_taken_or_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = ENV_PREFIX + name.upper()
    monkeypatch.setenv(variable, "no such thing")
    try:
        load()
    except SettingsError as stopped:
        assert str(stopped).startswith("The setting ")


def test_each_of_several_wrong_values_has_its_own_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHENAVA_PORT", "x")
    monkeypatch.setenv("SHENAVA_LANGUAGE", "y")
    with pytest.raises(SettingsError) as stopped:
        load()
    assert {line.split(" (")[0] for line in str(stopped.value).splitlines()} == {
        "The setting port",
        "The setting language",
    }


def test_a_wrong_value_in_the_file_is_named_too(home: Path) -> None:
    _write(home, "port = 99999\n")
    with pytest.raises(SettingsError, match=r"^The setting port \(SHENAVA_PORT\) cannot be 99999"):
        load()


def test_an_unknown_setting_in_the_file_is_refused_by_name(home: Path) -> None:
    _write(home, "prot = 1\n")
    with pytest.raises(SettingsError, match=r"^There is no setting 'prot' \(in .*shenava.toml\)"):
        load()


def test_an_unknown_variable_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHENAVA_PROT", "1")
    with pytest.raises(SettingsError, match="There is no setting SHENAVA_PROT"):
        load()


@pytest.mark.parametrize("text", ["port = ", "port: 8000", "[", 'host = "a', "port = 1\nport = 2"])
def test_a_broken_file_is_named_with_the_place_that_is_wrong(home: Path, text: str) -> None:
    _write(home, text)
    with pytest.raises(SettingsError, match=r"^The settings file .*shenava\.toml cannot be read: "):
        load()


def test_a_file_that_is_no_text_is_named(home: Path) -> None:
    (home / FILE_NAME).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"^The settings file .*shenava\.toml cannot be read: "):
        load()


def test_every_setting_says_what_it_does() -> None:
    undocumented = [name for name, field in Settings.model_fields.items() if not field.description]
    assert undocumented == []


def test_settings_cannot_be_changed_while_running() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().port = 1  # type: ignore[misc]


def test_the_home_folder_may_be_named_from_the_users_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHENAVA_HOME", "~/listening")
    assert load().home == tmp_path / "listening"


def test_without_a_home_the_users_data_folder_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SHENAVA_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_home() == load().home == tmp_path / "shenava"


@pytest.mark.parametrize(
    ("host", "url", "address"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:8000"),
        ("::1", "", "http://[::1]:8000"),
        ("0.0.0.0", "https://listen.example/", "https://listen.example"),
        ("0.0.0.0", "http://localhost:8000/", "http://localhost:8000"),
        ("0.0.0.0", "http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_people_are_told_an_address_they_can_open(host: str, url: str, address: str) -> None:
    assert load(host=host, public_url=url).address == address
