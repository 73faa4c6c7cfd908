"""The documentation says what the code does: a page that falls behind fails here."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from collectors.file_import import DEFAULT_KINDS, FIELDS
from config import Settings
from service.cli import cli
from service.docs import FOLDER, PAGES
from service.inventory import shown_value
from shenava.store import Base

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
WRITTEN = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
ROOMS = (
    "config",
    "shenava",
    "collectors",
    "sentiment",
    "responder",
    "reports",
    "dashboard",
    "service",
)


@pytest.mark.parametrize("name", PAGES)
def test_a_made_page_is_as_the_program_makes_it(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), (
        "run make docs to write it anew"
    )


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_told_with_default_and_meaning(name: str) -> None:
    field = Settings.model_fields[name]
    assert field.description, f"{name} has no docstring"
    page = (FOLDER / "settings.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert " ".join(field.description.split()) in section
    assert f"`SHENAVA_{name.upper()}`" in section
    if name != "home" and field.default not in ("", None):
        assert f"Default: `{shown_value(field.default)}`" in section


@pytest.mark.parametrize("name", cli.commands)
def test_every_command_and_option_is_told(name: str) -> None:
    page = (FOLDER / "commands.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert section
    for parameter in cli.commands[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.name} has no help"
            assert f"`{parameter.opts[0]}" in section


def test_the_import_page_tells_every_field_and_default_kind() -> None:
    page = (FOLDER / "import.md").read_text(encoding="utf-8")
    for name in FIELDS:
        assert f"| `{name}` |" in page
    for platform, kind in DEFAULT_KINDS.items():
        assert re.search(rf"^\| .*`{platform}`.* \| `{kind}` \|$", page, re.MULTILINE)


def test_the_make_commands_that_are_told_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in WRITTEN:
        for block in re.findall(r"`(make [a-z ]+)`|^(make [a-z]+)", page.read_text(), re.MULTILINE):
            for word in next(filter(None, block)).split()[1:]:
                assert word in targets, f"{page.name} tells of make {word}"


def test_the_shenava_commands_that_are_told_exist() -> None:
    for page in WRITTEN:
        for word in re.findall(r"(?:^|`)shenava ([a-z][a-z-]*)", page.read_text(), re.MULTILINE):
            assert word in cli.commands, f"{page.name} tells of shenava {word}"


def test_the_readme_maps_every_room_there_is() -> None:
    text = README.read_text(encoding="utf-8")
    for room in ROOMS:
        assert f"`{room}/`" in text
        assert (ROOT / room / "__init__.py").exists()


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target and not target.endswith(".png"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("name", sorted(Base.metadata.tables))
def test_of_every_table_it_is_said_how_long_its_rows_are_kept(name: str) -> None:
    """What grows without end is decided, never forgotten."""
    page = (FOLDER / "architecture.md").read_text(encoding="utf-8")
    section = page.partition("## What is kept how long")[2].partition("\n## ")[0]
    assert f"`{name}`" in section
