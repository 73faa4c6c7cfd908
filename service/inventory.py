"""What there is to set and what is in force: for ``shenava settings``, ``doctor`` and the docs."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from config import Settings
from config.settings import ENV_PREFIX, settings_file
from service.opening import shown_database


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its value as people may read it, where that comes from, and what it is for."""

    name: str
    value: Any
    source: str
    doc: str

    @property
    def variable(self) -> str:
        return ENV_PREFIX + self.name.upper()

    @property
    def shown(self) -> str:
        """The value as it would be written down."""
        return "(empty)" if self.value in ("", None) else shown_value(self.value)

    @property
    def is_set(self) -> bool:
        """Whether someone has set it: it may still equal the default."""
        return self.source != "default"


def settings_in_force(settings: Settings) -> list[Setting]:
    """Every setting, in the order of the class, with its source: environment, file or default."""
    file = settings_file()
    in_file = _names_in(file)
    # As pydantic reads it: names in the environment in any case.
    in_environment = {name.upper() for name in os.environ}
    found = []
    for name, field in Settings.model_fields.items():
        source = "default"
        if ENV_PREFIX + name.upper() in in_environment:
            source = f"environment, {ENV_PREFIX}{name.upper()}"
        elif name in in_file:
            source = str(file)
        value = getattr(settings, name)
        if name == "database_url" and value:
            value = shown_database(settings)
        if isinstance(value, SecretStr):
            value = "(not shown)"
        found.append(Setting(name, value, source, one_line(field.description)))
    return found


def one_line(text: str | None) -> str:
    """A docstring without its line breaks."""
    return " ".join((text or "").split())


def shown_value(value: object) -> str:
    """A value as it is written in the settings file, without quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value.value if isinstance(value, Enum) else value)


def plain_value(value: object) -> object:
    """A value as JSON has it."""
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def _names_in(file: Path) -> set[str]:
    try:
        return set(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return set()
