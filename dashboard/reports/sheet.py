"""A report in the words of one reader: what page, PDF, mail and file all show.

Everything is worked out here, once; those that show it only lay it out. A number carries the
address of the list that it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from dashboard.broadcasts.words import OUTCOMES
from dashboard.dates import Dates
from dashboard.i18n import gettext as _
from dashboard.i18n import ngettext
from dashboard.numerals import number, percent
from dashboard.reader import Reader
from dashboard.reports import words
from dashboard.reports.words import DEFINITIONS, TITLES, change_words
from reports import change, charts
from reports.change import Change, Says
from reports.charts import Bar, Drawing
from reports.counting import Counts, Times
from reports.extremes import Hour, extremes
from reports.figures import By, Figure, Key
from reports.making import Report
from reports.weeks import Week

_SHOWN_ROWS = 12


@dataclass(frozen=True, slots=True)
class Cell:
    """A text, and where it leads."""

    text: str
    link: str | None = None
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """The first column names the rows."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Headline:
    """One of the five numbers. ``sense``: ``good`` or ``bad`` for a real change, else empty."""

    title: str
    value: Cell
    details: tuple[Cell, ...]
    change: str
    arrow: str
    sense: str
    before: Cell | None
    definition: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report. ``notes`` stand under its heading, ``legend`` under its chart."""

    name: str
    title: str
    notes: tuple[str, ...] = ()
    chart: Drawing | None = None
    legend: tuple[tuple[str, str], ...] = ()
    table: Table | None = None
    definitions: tuple[str, ...] = ()
    open_table: bool = True


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole report, worded."""

    title: str
    dates: str
    state: str
    as_of: str
    empty: bool
    headlines: tuple[Headline, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...]
    reader: Reader

    @property
    def right_to_left(self) -> bool:
        return self.reader.direction == "rtl"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where numbers lead. ``base`` is put in front: empty on our own pages."""

    base: str = ""

    def week(self, week: Week, as_of: datetime | None = None, ending: str = "") -> str:
        asked = f"?{urlencode({'as_of': instant_text(as_of)})}" if as_of else ""
        return f"{self.base}/reports/{week.name}{ending}{asked}"

    def list_of(self, counts: Counts, key: Key, as_of: datetime) -> str:
        asked = {"figure": key.figure.value}
        if key.by is not None:
            asked["segment"] = key.segment
        asked["as_of"] = instant_text(as_of)
        if counts.span.end != counts.week.span.end:
            asked["until"] = instant_text(counts.span.ends_at)
        return f"{self.base}/reports/{counts.week.name}/list?{urlencode(asked)}"


def instant_text(at: datetime) -> str:
    """An instant as addresses and files have it, to the microsecond."""
    return at.isoformat().replace("+00:00", "Z")


def sheet_of(report: Report, reader: Reader, zone: ZoneInfo, addresses: Addresses) -> Sheet:
    """The report as ``reader`` reads it; the reader of the present words must be the same."""
    return _Maker(report, reader, Dates(reader.language, reader.calendar, zone), addresses).make()


def week_words(week: Week, dates: Dates) -> str:
    """From its first day to its last, with the year."""
    first = week.starts_at + timedelta(hours=12)
    last = week.ends_at - timedelta(hours=12)
    return _("%(first)s to %(last)s", first=dates.date(first), last=dates.date(last))


def day_names(week: Week, dates: Dates) -> tuple[str, ...]:
    return tuple(dates.weekday((week.first.weekday() + n) % 7) for n in range(7))


@dataclass(frozen=True, slots=True)
class _Maker:
    report: Report
    reader: Reader
    dates: Dates
    to: Addresses

    def make(self) -> Sheet:
        report = self.report
        days = day_names(report.week, self.dates)
        as_of = self.dates.exact(report.as_of)
        state = "" if report.finished else _("This week is not over: counted so far.")
        empty = not any(report.now.numbers.values())
        return Sheet(
            title=_("Weekly report"),
            dates=week_words(report.week, self.dates),
            state=state,
            as_of=_("As known on %(when)s.", when=as_of),
            empty=empty,
            headlines=tuple(self._headlines()),
            sections=() if empty else tuple(self._sections(days)),
            notes=tuple(self._notes()),
            reader=self.reader,
        )

    # The five numbers.

    def _headlines(self) -> Sequence[Headline]:
        return (
            self._counted(Figure.MESSAGES, bad_when=None),
            self._counted(
                Figure.COMPLAINTS,
                bad_when=Says.MORE,
                details=(self._share_read(Figure.COMPLAINTS),),
            ),
            self._mood(),
            self._first_answer(),
            self._urgent(),
        )

    def _counted(
        self, figure: Figure, *, bad_when: Says | None, details: tuple[Cell | None, ...] = ()
    ) -> Headline:
        now, before = self.report.now.of(figure), self.report.before.of(figure)
        found = change.of_counts(now, before)
        return self._headline(
            figure,
            self._number(Key(figure)),
            details,
            found,
            self._number(Key(figure), before=True),
            bad_when,
        )

    def _mood(self) -> Headline:
        key = Key(Figure.READ, By.MOOD, "negative")
        now, before = self.report.now, self.report.before
        part, whole = now.numbers[key], now.of(Figure.READ)
        part_before, whole_before = before.numbers[key], before.of(Figure.READ)
        value = Cell(percent(part / whole, self.reader.language) if whole else "–", strong=True)
        happy = Key(Figure.READ, By.MOOD, "positive")
        details = (
            self._named(key, lambda num: _("%(number)s unhappy", number=num)),
            self._named(happy, lambda num: _("%(number)s happy", number=num)),
        )
        earlier = (
            Cell(
                percent(part_before / whole_before, self.reader.language),
                self.to.list_of(before, key, self.report.as_of),
            )
            if whole_before
            else None
        )
        return self._headline(
            None,
            Cell(value.text, self.to.list_of(now, key, self.report.as_of), strong=True),
            details,
            change.of_shares(part, whole, part_before, whole_before),
            earlier,
            Says.MORE,
            title=_("Unhappy messages"),
            definition=_(
                "The share of negative messages among those that the model has read; its list are"
                " the negative ones."
            ),
            points=True,
        )

    def _first_answer(self) -> Headline:
        figure = Figure.FIRST_ANSWERS
        now, before = self.report.now.times[figure], self.report.before.times[figure]
        key = Key(figure)
        said = ngettext("of %(num)s answer", "of %(num)s answers", now.number)
        details = [Cell(said, self._link(key))]
        if now.p90 is not None:
            details.append(Cell(_("nine of ten within %(span)s", span=self.dates.length(now.p90))))
        return self._headline(
            figure,
            self._time(now, key),
            tuple(details),
            change.of_times(now, before),
            self._time(before, key, before=True) if before.number else None,
            Says.MORE,
            title=_("First answer, median"),
            definition=_(
                "Half of the first answers of the week came within this time. Counted from the"
                " first message of a case, in opening hours only."
            ),
        )

    def _urgent(self) -> Headline:
        times = self.report.now.times[Figure.FIRST_ANSWERS_URGENT]
        details: list[Cell | None] = []
        if times.median is not None:
            details.append(
                Cell(
                    _("answered within %(span)s, median", span=self.dates.length(times.median)),
                    self._link(Key(Figure.FIRST_ANSWERS_URGENT)),
                )
            )
        waiting = Key(Figure.URGENT_UNANSWERED)
        details.append(self._named(waiting, lambda num: _("%(number)s never answered", number=num)))
        return self._counted(Figure.URGENT, bad_when=Says.MORE, details=tuple(details))

    def _headline(
        self,
        figure: Figure | None,
        value: Cell,
        details: Sequence[Cell | None],
        found: Change,
        before: Cell | None,
        bad_when: Says | None,
        *,
        title: str = "",
        definition: str = "",
        points: bool = False,
    ) -> Headline:
        if not self.report.compared:
            found, before = change.ALONE, None
        real = found.says in (Says.MORE, Says.FEWER)
        sense = ""
        if real and bad_when is not None:
            sense = "bad" if found.says is bad_when else "good"
        arrow = {Says.MORE: "▲", Says.FEWER: "▼"}.get(found.says, "")
        return Headline(
            title=title or str(TITLES[figure] if figure else ""),
            value=value,
            details=tuple(one for one in details if one is not None),
            change=change_words(found, self.dates, points=points),
            arrow=arrow,
            sense=sense,
            before=before,
            definition=definition or str(DEFINITIONS[figure] if figure else ""),
        )

    # The parts below them.

    def _sections(self, days: tuple[str, ...]) -> Sequence[Section]:
        made = [
            self._by_day(days),
            self._by_hour(days),
            self._matters(),
            self._moods(),
            self._split(
                "channels", _("By channel"), Figure.MESSAGES, By.CHANNEL, Figure.COMPLAINTS
            ),
            self._split("languages", _("By language"), Figure.READ, By.LANGUAGE, Figure.COMPLAINTS),
            self._answers(),
            self._broadcasts(),
            self._honestly(),
        ]
        return [section for section in made if section is not None]

    def _by_day(self, days: tuple[str, ...]) -> Section:
        now, before = self.report.now, self.report.before
        found, rows = [], []
        for place, name in enumerate(days):
            messages = Key(Figure.MESSAGES, By.DAY, str(place))
            complaints = Key(Figure.COMPLAINTS, By.DAY, str(place))
            earlier = before.numbers[messages]
            found.append(
                Bar(
                    # A whole English name is wider than its column.
                    name[:3] if name.isascii() else name,
                    now.numbers[messages],
                    self._n(now.numbers[messages]),
                    part=now.numbers[complaints],
                    before=earlier if self.report.compared else None,
                )
            )
            rows.append(
                (
                    Cell(name),
                    self._number(messages),
                    self._number(complaints),
                    *self._earlier(messages),
                )
            )
        return Section(
            "days",
            _("Day by day"),
            chart=charts.columns(
                found, _("Messages and complaints of each day; the table has the numbers.")
            ),
            legend=self._legend(
                ("whole", _("messages")),
                ("part", _("complaints among them")),
                ("before", _("messages a week before")),
            ),
            table=Table(
                (
                    _("Day"),
                    _("Messages"),
                    _("Complaints"),
                    *self._head_before(_("Messages before")),
                ),
                tuple(rows),
            ),
            open_table=False,
        )

    def _by_hour(self, days: tuple[str, ...]) -> Section | None:
        now = self.report.now
        values = {
            (day, hour): now.of(Figure.COMPLAINTS, By.HOUR, f"{day}-{hour}")
            for day in range(7)
            for hour in range(24)
        }
        if not any(values.values()):
            return None
        worst, best = extremes(now)
        rows = [
            *(self._hour_row(hour, days, _("worst")) for hour in worst),
            *(self._hour_row(hour, days, _("best")) for hour in best),
        ]
        clock = [(hour, self.dates.digits(f"{hour}")) for hour in (0, 6, 12, 18)]
        notes = (
            () if rows else (_("No hour stands out: complaints came as evenly as chance has it."),)
        )
        return Section(
            "hours",
            _("The hours of complaints"),
            notes=notes,
            chart=charts.hours(
                values,
                days,
                clock,
                _("Complaints of each hour of the week; the larger a square, the more."),
            ),
            legend=self._legend(("cell", _("the larger, the more complaints"))),
            table=Table((_("Hour"), "", _("Complaints"), _("Messages")), tuple(rows))
            if rows
            else None,
            definitions=(
                _(
                    "Best and worst are hours with ten messages at least, in which the share of"
                    " complaints surely lies below or above that of the whole week."
                ),
            ),
        )

    def _hour_row(self, hour: Hour, days: tuple[str, ...], word: str) -> tuple[Cell, ...]:
        return (
            Cell(words.hour_words(days[hour.day], hour.hour, self.dates)),
            Cell(word, strong=True),
            self._number(Key(Figure.COMPLAINTS, By.HOUR, hour.value)),
            self._number(Key(Figure.MESSAGES, By.HOUR, hour.value)),
        )

    def _matters(self) -> Section | None:
        now, before = self.report.now, self.report.before
        keys = self._keys(Figure.COMPLAINTS_ABOUT, By.INTENT)
        if not keys:
            return None
        rows = []
        for key in keys:
            found = change.of_counts(now.numbers[key], before.numbers[key])
            said = found if self.report.compared else change.ALONE
            rows.append(
                (
                    Cell(words.matter(key.value)),
                    self._number(key),
                    *self._earlier(key),
                    *((Cell(change_words(said, self.dates)),) if self.report.compared else ()),
                )
            )
        return Section(
            "matters",
            str(TITLES[Figure.COMPLAINTS_ABOUT]),
            chart=charts.bars(
                [self._bar(key, words.matter(key.value)) for key in keys[:8]],
                _("Complaints by what they are about; the table has the numbers."),
            ),
            legend=self._legend(("whole", _("this week")), ("before", _("the week before"))),
            table=Table(
                (
                    _("Matter"),
                    _("Complaints"),
                    *self._head_before(_("Before")),
                    *((_("Change"),) if self.report.compared else ()),
                ),
                tuple(rows[:_SHOWN_ROWS]),
            ),
            definitions=(str(DEFINITIONS[Figure.COMPLAINTS_ABOUT]),),
        )

    def _moods(self) -> Section:
        now, before = self.report.now, self.report.before
        whole, whole_before = now.of(Figure.READ), before.of(Figure.READ)
        rows = []
        for name in ("negative", "neutral", "positive"):
            key = Key(Figure.READ, By.MOOD, name)
            part = now.numbers[key]
            found = change.of_shares(part, whole, before.numbers[key], whole_before)
            rows.append(
                (
                    Cell(words.segment_words(key, self.dates, ())),
                    self._number(key),
                    Cell(percent(part / whole, self.reader.language) if whole else "–"),
                    *self._earlier(key),
                    *(
                        (Cell(change_words(found, self.dates, points=True)),)
                        if self.report.compared
                        else ()
                    ),
                )
            )
        return Section(
            "moods",
            _("Mood"),
            table=Table(
                (
                    _("Mood"),
                    _("Messages"),
                    _("Share"),
                    *self._head_before(_("Before")),
                    *((_("Change of the share"),) if self.report.compared else ()),
                ),
                tuple(rows),
            ),
            definitions=(str(DEFINITIONS[Figure.READ]),),
        )

    def _split(self, name: str, title: str, figure: Figure, by: By, part: Figure) -> Section | None:
        keys = self._keys(figure, by)
        if not keys:
            return None
        rows = [
            (
                Cell(words.segment_words(key, self.dates, ())),
                self._number(key),
                self._number(Key(part, by, key.value)),
                *self._earlier(key),
            )
            for key in keys
        ]
        found = [
            self._bar(key, words.segment_words(key, self.dates, ()), Key(part, by, key.value))
            for key in keys
        ]
        return Section(
            name,
            title,
            chart=charts.bars(found, _("%(title)s; the table has the numbers.", title=title)),
            legend=self._legend(
                ("whole", _("messages")),
                ("part", _("complaints among them")),
                ("before", _("messages a week before")),
            ),
            table=Table(
                ("", _("Messages"), _("Complaints"), *self._head_before(_("Messages before"))),
                tuple(rows),
            ),
            definitions=(str(DEFINITIONS[figure]),),
        )

    def _answers(self) -> Section:
        rows = [
            self._time_row(Figure.FIRST_ANSWERS),
            self._time_row(Figure.FIRST_ANSWERS_URGENT),
            self._time_row(Figure.CLOSED),
        ]
        keys = [Key(Figure.FIRST_ANSWERS, By.SPEED, str(place)) for place in range(5)]
        any_answer = self.report.now.of(Figure.FIRST_ANSWERS) > 0
        return Section(
            "answers",
            _("How fast the shop was"),
            chart=charts.bars(
                [self._bar(key, words.segment_words(key, self.dates, ())) for key in keys],
                _("First answers by how long they took, in opening hours."),
            )
            if any_answer
            else None,
            legend=self._legend(("whole", _("first answers")), ("before", _("the week before")))
            if any_answer
            else (),
            table=Table(
                (
                    "",
                    _("Number"),
                    _("Median"),
                    _("Nine of ten"),
                    _("Median by the clock"),
                    *self._head_before(_("Median before")),
                ),
                tuple(rows),
            ),
            definitions=(
                str(DEFINITIONS[Figure.FIRST_ANSWERS]),
                str(DEFINITIONS[Figure.FIRST_ANSWERS_URGENT]),
                str(DEFINITIONS[Figure.CLOSED]),
            ),
        )

    def _time_row(self, figure: Figure) -> tuple[Cell, ...]:
        key = Key(figure)
        now, before = self.report.now.times[figure], self.report.before.times[figure]
        earlier = (self._time(before, key, before=True),) if self.report.compared else ()
        return (
            Cell(str(TITLES[figure])),
            self._number(key),
            self._time(now, key),
            Cell(self._length(now.p90)),
            Cell(self._length(self.report.now.elapsed[figure].median)),
            *earlier,
        )

    def _broadcasts(self) -> Section | None:
        if not self.report.broadcasts:
            return None
        rows = []
        for one in self.report.broadcasts:
            after = self._n(one.complaints_after)
            if self.report.as_of < one.until:
                after = _("%(number)s so far", number=after)
            rows.append(
                (
                    Cell(self.dates.exact(one.at), f"{self.to.base}/broadcasts/{one.broadcast_id}"),
                    Cell(words.stage_words(one.stage)),
                    Cell(self._reached(one.ended) or _("under way")),
                    Cell(self._n(one.complaints_before), self._link(one.before)),
                    Cell(after, self._link(one.after)),
                )
            )
        return Section(
            "broadcasts",
            str(TITLES[Figure.BROADCASTS]),
            table=Table(
                (
                    _("Began"),
                    _("Stage"),
                    _("Recipients"),
                    _("Complaints in the 3 hours before"),
                    _("in the 3 hours after"),
                ),
                tuple(rows),
            ),
            definitions=(
                str(DEFINITIONS[Figure.BROADCASTS]),
                _("That complaints fell after a broadcast does not prove that it was the cause."),
            ),
        )

    def _reached(self, ended: Mapping[str, Any]) -> str:
        """What became of a broadcast's recipients, in the order in which its page tells it."""
        reached = ended.get("recipients", {})
        return " · ".join(
            f"{word}: {self._n(reached[outcome])}"
            for outcome, word in OUTCOMES.items()
            if reached.get(outcome)
        )

    def _honestly(self) -> Section:
        told = (
            Figure.CASES,
            Figure.REOPENED,
            Figure.SENT,
            Figure.REFUSED,
            Figure.FAILED,
            Figure.UNKNOWN,
            Figure.UNREAD,
            Figure.UNSURE,
            Figure.CORRECTED,
            Figure.REPAIRED,
            Figure.GAPS,
        )
        return Section(
            "honestly",
            _("What else was counted, and what is missing"),
            table=Table(
                ("", _("Number"), *self._head_before(_("Before")), _("What it counts")),
                tuple(
                    (
                        Cell(str(TITLES[figure])),
                        self._number(Key(figure)),
                        *self._earlier(Key(figure)),
                        Cell(str(DEFINITIONS[figure])),
                    )
                    for figure in told
                ),
            ),
        )

    def _notes(self) -> Sequence[str]:
        notes = [
            _(
                "A change is called one when chance alone would bring it less than once in a"
                " hundred weeks. Each number leads to the list that it counts."
            )
        ]
        if not self.report.finished and self.report.compared:
            notes.append(_("The week before is counted up to the same hour."))
        return notes

    # Small parts.

    def _keys(self, figure: Figure, by: By) -> list[Key]:
        """The segments that there are in either week, the largest first."""
        now, before = self.report.now.numbers, self.report.before.numbers
        found = {
            key
            for counted in (now, before)
            for key, value in counted.items()
            if key.figure is figure and key.by is by and value
        }
        return sorted(found, key=lambda key: (-now[key], -before[key], key.value))

    def _bar(self, key: Key, name: str, part: Key | None = None) -> Bar:
        now, before = self.report.now.numbers, self.report.before.numbers
        return Bar(
            name,
            now[key],
            self._n(now[key]),
            part=now[part] if part else 0,
            before=before[key] if self.report.compared else None,
        )

    def _legend(self, *entries: tuple[str, str]) -> tuple[tuple[str, str], ...]:
        return tuple(
            (role, word) for role, word in entries if role != "before" or self.report.compared
        )

    def _head_before(self, word: str) -> tuple[str, ...]:
        return (word,) if self.report.compared else ()

    def _earlier(self, key: Key) -> tuple[Cell, ...]:
        return (self._number(key, before=True),) if self.report.compared else ()

    def _number(self, key: Key, *, before: bool = False) -> Cell:
        counts = self.report.before if before else self.report.now
        return Cell(
            self._n(counts.numbers[key]),
            self.to.list_of(counts, key, self.report.as_of),
            strong=not before,
        )

    def _named(self, key: Key, text: Callable[[str], str]) -> Cell:
        return Cell(text(self._n(self.report.now.numbers[key])), self._link(key))

    def _share_read(self, figure: Figure) -> Cell | None:
        share = self.report.now.share(figure, Figure.READ)
        if share is None:
            return None
        return Cell(_("%(share)s of what was read", share=percent(share, self.reader.language)))

    def _time(self, times: Times, key: Key, *, before: bool = False) -> Cell:
        counts = self.report.before if before else self.report.now
        return Cell(
            self._length(times.median),
            self.to.list_of(counts, key, self.report.as_of),
            strong=not before,
        )

    def _link(self, key: Key) -> str:
        return self.to.list_of(self.report.now, key, self.report.as_of)

    def _length(self, seconds: int | None) -> str:
        return "–" if seconds is None else self.dates.length(seconds)

    def _n(self, value: float) -> str:
        return number(int(value), self.reader.language)


Render = Callable[[Sheet], bytes]
