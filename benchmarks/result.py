"""What a benchmark found, and what it was to find."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """At least, or at most, ``limit``."""

    limit: float
    at_least: bool = False

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value < self.limit

    def __str__(self) -> str:
        return f"{'at least' if self.at_least else 'under'} {self.limit:,.4g}"


@dataclass(frozen=True, slots=True)
class Result:
    """Figures by name (the unit is part of it), some of them with a target."""

    name: str
    figures: Mapping[str, float]
    targets: Mapping[str, Target] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether every target was met; ``None`` where there is none."""
        if not self.targets:
            return None
        return all(target.is_met(self.figures[name]) for name, target in self.targets.items())

    def as_json(self) -> dict[str, Any]:
        return {
            "benchmark": self.name,
            **self.about,
            **{name: round(value, 2) for name, value in self.figures.items()},
            "targets": {name: str(target) for name, target in self.targets.items()},
            "met": self.met,
        }

    def lines(self) -> Iterator[tuple[str, float, str, bool | None]]:
        """Each figure as (name, value, target in words, met)."""
        for name, value in self.figures.items():
            target = self.targets.get(name)
            yield name, value, str(target or ""), target.is_met(value) if target else None
