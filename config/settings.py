"""The one settings class: every knob with its unit, its default and what it does.

A setting is taken from the environment (``SHENAVA_`` and its name in capitals), else from
``shenava.toml`` in the data folder, else it has its default. A wrong value stops the start with
a sentence that names it.
"""

from __future__ import annotations

import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
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
_TEST_VARIABLES = frozenset({"SHENAVA_X_OPENAPI", "SHENAVA_REPLAY"})

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
_FROM_TO = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^{|}~-]+@[\w.-]+", re.ASCII)

# What of them cannot be used is not repeated.
_SECRETS = frozenset({"smtp_password"})

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
    HIJRI = "hijri"
    """As in the Umm al-Qura calendar of Saudi Arabia."""


class ReportTo(StrEnum):
    ADMINS = "admins"
    EVERYONE = "everyone"
    NOBODY = "nobody"


class SmtpSecurity(StrEnum):
    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


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
    address it listens on. Plain http is taken for this machine alone. With https the session cookie
    is sent over HTTPS only. Instagram sends its webhooks to it and fetches our pictures from it, so
    it must be reachable from outside."""

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
    """Calendar of the dashboard for people who have not chosen one: jalali, gregorian or
    hijri (Umm al-Qura)."""

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

    model: str = ""
    """Another verdict model: its folder, or its name on the Hugging Face hub, from which it is
    fetched once. Any model that classifies texts will do (docs/models.md). Empty: the model that
    comes with Shenava."""

    model_labels: str = ""
    """What the labels of that model mean, as LABEL_0=negative, LABEL_1=positive: negative, neutral,
    positive, complaint, urgent, one of the intents, or ignore. Labels with such names need not be
    told."""

    model_threads: Annotated[int, Field(ge=1, le=32)] = 1
    """Number of threads the verdict model computes with. More than idle cores makes it slower."""

    learn_every_corrections: Annotated[int, Field(ge=0, le=10_000)] = 20
    """New corrections of verdicts after which Shenava learns from them again. What it learns is
    used only where it is at least as good on what was held back. 0: only when asked, by shenava
    learn."""

    coverage_days: Annotated[int, Field(ge=31, le=3650)] = 90
    """Days for which the ledger of collecting keeps each reading as a line of its own. Older ones
    are folded into one line for each stretch without a hole; what is covered stays known."""

    webhook_days: Annotated[int, Field(ge=1, le=90)] = 14
    """Days for which the bodies of webhooks are kept after they were taken in. Those that were not
    understood are kept for 90 days."""

    session_hours: Annotated[int, Field(ge=1, le=720)] = 12
    """Hours after which someone who does nothing is signed out."""

    sign_in_attempts: Annotated[int, Field(ge=3, le=100)] = 10
    """Failed sign-ins for one mail address, or from one network address, within 15 minutes,
    after which more are refused until the 15 minutes are over."""

    invite_hours: Annotated[int, Field(ge=1, le=720)] = 72
    """Hours for which an invitation or a reset link stays good."""

    api_requests_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 600
    """Requests to the JSON API that one token may make in a minute of the clock."""

    alert_escalate_minutes: Minutes = 10
    """Minutes for which nobody may open, take, answer or close an urgent case that rings, before
    the next person in the order of escalation is called."""

    alert_quiet_minutes: Minutes = 60
    """Minutes after its last call within which a case does not ring again, whatever comes in."""

    alert_mail_minutes: Annotated[int, Field(ge=0, le=1440)] = 5
    """Minutes between two e-mails of alerts to one person; what rings meanwhile is told in one.
    0: nothing waits."""

    alert_subject_names: bool = False
    """Name the customer and the reason in the subject of such an e-mail. What customers write is
    in no e-mail."""

    report_hour: Annotated[int, Field(ge=0, le=23)] = 8
    """Hour of the shop's clock, 0 to 23, at which the report of the last week is made and mailed,
    on the day on which the new week begins."""

    report_to: ReportTo = ReportTo.ADMINS
    """Who gets the weekly report by e-mail unless they chose otherwise: admins, everyone or
    nobody."""

    smtp_host: str = ""
    """Name of the mail server through which alerts and reports are sent. Empty: no
    e-mail is sent."""

    smtp_port: Port = 587
    """TCP port of the mail server: as a rule 587 with starttls, 465 with tls."""

    smtp_security: SmtpSecurity = SmtpSecurity.STARTTLS
    """How the connection to the mail server is encrypted: starttls, tls (from the first byte), or
    none, which is for a mail server on this machine."""

    smtp_user: str = ""
    """Name to sign in to the mail server with. Empty: it takes our mail without."""

    smtp_password: SecretStr | None = None
    """Password to sign in to the mail server with."""

    mail_from: str = ""
    """Address that e-mails come from, as alerts@shop.example. Needed once smtp_host is set."""

    shop_name: str = ""
    """Name of the shop, as it stands on pictures. Empty: the name of the account that posts."""

    brand_colour: Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")] = "#1c4e80"
    """Colour of the shop, as #rrggbb: the ground of pictures."""

    broadcast_second_person: bool = False
    """Let a broadcast leave only after a second person has approved it."""

    broadcast_quiet_hours: str = ""
    """Hours of the night in which no broadcast leaves, in the shop's time zone, as 23:00-07:00. Who
    writes it can say that it is urgent; then it leaves all the same. Empty: none."""

    broadcast_lasts_hours: Annotated[int, Field(ge=1, le=168)] = 12
    """Hours after its start within which a broadcast has to leave, unless its writer says
    otherwise; whom the platforms' pace does not reach by then is left out, and told of."""

    font_file: Path | None = None
    """Font file (TTF or OTF) that pictures and PDF pages are written with. Empty: one of Vazirmatn,
    Noto and DejaVu, whichever is installed, in this order."""

    look_ups_per_day: Annotated[int, Field(ge=0, le=1_000_000)] = 500
    """Public messages of each developer app that are looked up in a UTC day, to remove here what
    was deleted there. X asks for it, and takes 0.005 USD for each that is still there. 0: none."""

    picture_megabytes: Annotated[int, Field(ge=0, le=50)] = 10
    """Megabytes up to which a picture of a customer's message is fetched and kept. 0: none is."""

    x_base_url: str = ""
    """Address of a rehearsal that speaks X's interface, as http://127.0.0.1:8800. Empty: X
    itself. Every page then says so; keys of the one are never sent to the other."""

    instagram_base_url: str = ""
    """Address of a rehearsal that speaks Meta's interfaces, as http://127.0.0.1:8801; it stands for
    all their hosts. Empty: Instagram itself. As for x_base_url."""

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

    @field_validator("public_url", "x_base_url", "instagram_base_url")
    @classmethod
    def _url_is_http(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("public_url")
    @classmethod
    def _public_is_https(cls, value: str) -> str:
        if value.startswith("http://") and urlsplit(value).hostname not in _THIS_MACHINE:
            raise ValueError(
                "it needs https: sign-ins could be read on the way, and platforms send their "
                "webhooks, and people back who agreed, to https alone; put a reverse proxy with "
                "HTTPS in front and write its https:// address here (docs/running.md tells how)"
            )
        return value

    @field_validator("model_labels")
    @classmethod
    def _labels_are_pairs(cls, value: str) -> str:
        for pair in filter(None, map(str.strip, value.split(","))):
            label, sign, meaning = pair.rpartition("=")
            if not sign or not label.strip() or not meaning.strip():
                raise ValueError(f"{pair!r} is not of the form LABEL_0=negative")
        return value

    @field_validator("broadcast_quiet_hours")
    @classmethod
    def _quiet_hours_are_two_times(cls, value: str) -> str:
        if value and not _FROM_TO.fullmatch(value):
            raise ValueError("must be two times such as 23:00-07:00")
        return value

    @field_validator("smtp_user")
    @classmethod
    def _password_is_not_shouted(cls, value: str, info: ValidationInfo) -> str:
        given = info.data
        if (
            value
            and given.get("smtp_security") is SmtpSecurity.NONE
            and given.get("smtp_host") not in _THIS_MACHINE
        ):
            raise ValueError(
                "without encryption anyone on the way could read the password; set smtp_security "
                "to starttls or tls"
            )
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender_is_an_address(cls, value: str, info: ValidationInfo) -> str:
        if not value and not info.data.get("smtp_host"):
            return value
        if not _ADDRESS.fullmatch(value):
            raise ValueError("must be a mail address such as alerts@shop.example")
        return value

    @field_validator("home", "font_file")
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

    @property
    def outside(self) -> str | None:
        """The address that platforms are told: over HTTPS, or on this machine alone, where only
        simulated ones find it. ``None`` when there is none."""
        url = self.address
        on_this_machine = urlsplit(url).hostname in _THIS_MACHINE
        return url if on_this_machine or url.startswith("https://") else None

    @property
    def hosts_pictures(self) -> bool:
        """Whether platforms can fetch pictures from us: over HTTPS; on this machine alone, where
        only simulated ones run."""
        url = self.outside or ""
        return url.startswith("https://") or bool(url and self.instagram_base_url)

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
    except (_SourceError, ValueError, OSError) as error:
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
        given = "what it is" if name in _SECRETS else repr(item["input"])
        sentences.append(
            f"The setting {name} ({ENV_PREFIX}{name.upper()}) cannot be {given}: {reason}."
        )
    return sentences


def _no_unknown_variables() -> None:
    known = _TEST_VARIABLES | {ENV_PREFIX + name.upper() for name in Settings.model_fields}
    for variable in sorted(os.environ):
        if variable.startswith(ENV_PREFIX) and variable not in known:
            raise SettingsError(
                f"There is no setting {variable} (in the environment); see docs/settings.md."
            )
