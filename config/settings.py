"""The one settings class: every knob with its unit, its default and what it does.

A setting is taken from the environment (``SHENAVA_`` and its name in capitals), else from
``shenava.toml`` in the data folder, else it has its default. A wrong value stops the start with
a sentence that names it.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import (
    SettingsError as _SourceError,
)

ENV_PREFIX = "SHENAVA_"
FILE_NAME = "shenava.toml"

# Read by the tests alone (docs/architecture.md, "Tests").
_TEST_VARIABLES = frozenset({"SHENAVA_X_OPENAPI"})

Port = Annotated[int, Field(ge=1, le=65535)]
Minutes = Annotated[int, Field(ge=1, le=10_080)]


class SettingsError(Exception):
    """A setting cannot be used. The text names it and says what to do."""


class UiLanguage(StrEnum):
    FA = "fa"
    AR = "ar"
    EN = "en"


class Calendar(StrEnum):
    JALALI = "jalali"
    GREGORIAN = "gregorian"


class FirstWeekday(StrEnum):
    SATURDAY = "saturday"
    SUNDAY = "sunday"
    MONDAY = "monday"

    @property
    def number(self) -> int:
        """As Python counts weekdays: Monday is 0."""
        return {"saturday": 5, "sunday": 6, "monday": 0}[self.value]


def default_home() -> Path:
    """``$XDG_DATA_HOME/shenava``, or ``~/.local/share/shenava``."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "shenava"


class Settings(BaseSettings):
    """All settings. The docstring under each is its documentation; ``docs/settings.md`` and
    ``shenava doctor`` show the same."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        extra="forbid",
        frozen=True,
        validate_default=True,
        use_attribute_docstrings=True,
    )

    home: Path = Field(default_factory=default_home)
    """Folder that holds everything Shenava keeps: database, secret key, settings file."""

    host: str = "127.0.0.1"
    """Address to listen on. Put a reverse proxy with HTTPS in front before opening it up."""

    port: Port = 8000
    """TCP port to listen on."""

    public_url: str = ""
    """Address under which people reach the dashboard, as https://listen.example. Empty: the
    address it listens on. With https the session cookie is sent over HTTPS only."""

    trusted_proxies: Annotated[int, Field(ge=0, le=5)] = 0
    """Number of reverse proxies in front, whose X-Forwarded-* headers are believed."""

    database_url: str = ""
    """Database, as postgresql+psycopg://user@host/name. Empty: SQLite in the data folder."""

    web_threads: Annotated[int, Field(ge=1, le=64)] = 6
    """Number of threads that answer the browser."""

    time_zone: str = "Asia/Tehran"
    """The shop's time zone, by its IANA name."""

    language: UiLanguage = UiLanguage.FA
    """Language of the dashboard for people who have not chosen one: fa, ar or en."""

    calendar: Calendar = Calendar.JALALI
    """Calendar of the dashboard for people who have not chosen one: jalali or gregorian."""

    first_weekday: FirstWeekday = FirstWeekday.SATURDAY
    """Day on which the shop's week begins: saturday, sunday or monday."""

    business_hours: str = "sat-wed 09:00-21:00; thu 09:00-17:00"
    """When people are there to answer, in the shop's time zone: weekdays and intervals, as
    "sat-wed 09:00-13:00,14:00-21:00; thu 09:00-13:00", or "always"."""

    answer_urgent_minutes: Minutes = 15
    """Minutes of business hours within which an urgent case is due its first answer."""

    answer_high_minutes: Minutes = 60
    """Minutes of business hours within which a complaint is due its first answer."""

    answer_normal_minutes: Minutes = 240
    """Minutes of business hours within which any other case is due its first answer."""

    urgent_around_the_clock: bool = False
    """Count the due time of urgent cases in plain minutes, outside business hours too."""

    reach_followers: Annotated[int, Field(ge=1)] = 10_000
    """Number of followers from which the reach of a public complaint raises its priority."""

    model_folder: Path | None = None
    """Folder of another verdict model. Empty: the model that comes with Shenava."""

    model_threads: Annotated[int, Field(ge=1, le=32)] = 1
    """Number of threads the verdict model computes with. More than idle cores makes it slower."""

    session_hours: Annotated[int, Field(ge=1, le=720)] = 12
    """Hours after which someone who does nothing is signed out."""

    sign_in_attempts: Annotated[int, Field(ge=3, le=100)] = 10
    """Failed sign-ins for one mail address, or from one network address, within 15 minutes,
    after which more are refused until the 15 minutes are over."""

    invite_hours: Annotated[int, Field(ge=1, le=720)] = 72
    """Hours for which an invitation or a reset link stays good."""

    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    """How much is logged to standard error: debug, info, warning or error."""

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"{value!r} is not a time zone; use an IANA name such as Asia/Tehran"
            ) from None
        return value

    @field_validator("public_url")
    @classmethod
    def _url_is_http(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("home", "model_folder")
    @classmethod
    def _expand(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value else value

    @property
    def database(self) -> str:
        """The SQLAlchemy address of the database in force."""
        return self.database_url or f"sqlite:///{self.home / 'shenava.db'}"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def address(self) -> str:
        """The address that people are told to open."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (
            init_settings,
            env_settings,
            TomlConfigSettingsSource(settings_cls, settings_file()),
        )


def settings_file() -> Path:
    """Where the settings file is looked for: in the data folder that the environment names."""
    home = os.environ.get(ENV_PREFIX + "HOME")
    return (Path(home).expanduser() if home else default_home()) / FILE_NAME


def load(**overrides: object) -> Settings:
    """Read the settings. ``overrides`` (from the command line) come before all else.

    Raises :class:`SettingsError` with one sentence a line for each setting that is wrong.
    """
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError("\n".join(_sentences(error))) from None
    except (_SourceError, ValueError) as error:
        raise SettingsError(
            f"The settings file {settings_file()} cannot be read: {error}"
        ) from None
    _no_unknown_variables()
    return settings


def _sentences(error: ValidationError) -> list[str]:
    sentences = []
    for item in error.errors():
        name = str(item["loc"][0])
        if item["type"] == "extra_forbidden":
            sentences.append(
                f"There is no setting {name!r} (in {settings_file()}); see docs/settings.md."
            )
            continue
        reason = item["msg"].removeprefix("Value error, ")
        sentences.append(
            f"The setting {name} ({ENV_PREFIX}{name.upper()}) cannot be "
            f"{item['input']!r}: {reason}."
        )
    return sentences


def _no_unknown_variables() -> None:
    known = _TEST_VARIABLES | {ENV_PREFIX + name.upper() for name in Settings.model_fields}
    for variable in sorted(os.environ):
        if variable.startswith(ENV_PREFIX) and variable not in known:
            raise SettingsError(
                f"There is no setting {variable} (in the environment); see docs/settings.md."
            )
