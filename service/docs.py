"""The pages that are written by the program: ``python -m service.docs`` makes them anew.

``docs/settings.md`` and ``docs/commands.md`` say what the settings class and the commands say of
themselves. A test holds the files to what is made here.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import click
from pydantic_core import PydanticUndefined

from config import Settings
from config.settings import ENV_PREFIX, FILE_NAME
from service.cli import cli
from service.inventory import one_line, shown_value

FOLDER = Path(__file__).parent.parent / "docs"

_MADE = "<!-- Made by `python -m service.docs` from the program. Do not edit. -->\n"

_SETTINGS_HEAD = f"""{_MADE}
# Settings

Nothing has to be set. What you do set goes into `{FILE_NAME}` in the data folder, or into the
environment, which comes first:

```toml
# {FILE_NAME}
time_zone = "Asia/Riyadh"
language = "ar"
```

```sh
{ENV_PREFIX}PORT=8080 shenava run
```

A wrong value, or a name that does not exist, stops the start with a sentence that names it.
`shenava settings` prints what is in force and where each value comes from; `shenava doctor`
checks it. A change takes effect when `shenava run` is started again.

"""

_COMMANDS_HEAD = f"""{_MADE}
# Commands

Every command takes its settings from the environment and `{FILE_NAME}` ([settings](settings.md)),
and tells about itself with `--help`. Exit codes: 0 done; 1 done, with something to look at (a
check of `doctor` failed, a line could not be classified); 2 not done, and a sentence on standard
error says why and what to do.

"""


def settings_page() -> str:
    """``docs/settings.md``."""
    parts = [_SETTINGS_HEAD]
    for name, field in Settings.model_fields.items():
        parts.append(
            f"## {name}\n\n{one_line(field.description)}\n\n"
            f"- Default: {_default(name, field)}\n- Environment: `{ENV_PREFIX}{name.upper()}`\n\n"
        )
    return "".join(parts).rstrip() + "\n"


def _default(name: str, field: Any) -> str:
    if name == "home":
        return "`$XDG_DATA_HOME/shenava`, or `~/.local/share/shenava`"
    assert field.default is not PydanticUndefined, f"{name} has no default"
    return "empty" if field.default in ("", None) else f"`{shown_value(field.default)}`"


def commands_page() -> str:
    """``docs/commands.md``."""
    parts = [_COMMANDS_HEAD, f"`shenava --version` prints the version.\n\n{one_line(cli.help)}\n\n"]
    parts += [_command(name, command) for name, command in cli.commands.items()]
    return "".join(parts).rstrip() + "\n"


def _command(name: str, command: click.Command) -> str:
    if isinstance(command, click.Group):
        # A door to several: what it says of itself, then each of them.
        head = f"## {name}\n\n{inspect.cleandoc(command.help or '')}\n\n"
        return head + "".join(
            _command(f"{name} {inner}", one).replace("## ", "### ", 1)
            for inner, one in command.commands.items()
        )
    arguments = [p for p in command.params if isinstance(p, click.Argument)]
    options = [p for p in command.params if isinstance(p, click.Option)]
    words = ["shenava", name, *("[OPTIONS]" for _ in options[:1])]
    for argument in arguments:
        shown = (argument.name or "").upper()
        words.append(shown if argument.required else f"[{shown}]")
    text = inspect.cleandoc(command.help or "")
    lines = [f"## {name}\n", f"```\n{' '.join(words)}\n```\n", text + "\n"]
    if options:
        lines.append("\n".join(_option(option) for option in options) + "\n")
    return "\n".join(lines) + "\n"


def _option(option: click.Option) -> str:
    value = "" if option.is_flag else f" {option.metavar or _metavar(option)}"
    return f"- `{', '.join(option.opts)}{value}`: {one_line(option.help)}"


def _metavar(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return "[" + "|".join(option.type.choices) + "]"
    return "FILE" if isinstance(option.type, click.Path) else "TEXT"


PAGES = {"settings.md": settings_page, "commands.md": commands_page}


def main() -> None:
    """Write the pages into ``docs/``."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
