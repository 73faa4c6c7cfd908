"""Promises of search: it finds what people mean, and the same on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from support.databases import PostgresqlServer, SqliteFiles
from support.factories import incoming

from collectors.intake import take_in
from shenava.messages import Author
from shenava.store import Message, Store
from shenava.store.search import matching_messages


def found(store: Store, query: str) -> set[str] | None:
    """The keys of the messages that ``query`` finds; ``None`` where there is no word to find."""
    with store.read() as session:
        ids = matching_messages(session, query)
        if ids is None:
            return None
        return set(session.scalars(select(Message.native_key).where(Message.id.in_(ids))))


MESSAGES = {
    "internet": "اینترنت قطع است",
    "zwnj": "کی می‌شود؟ نمی‌رسد",
    "spaced": "کی می شود؟",
    "arabic": "الإنترنت مقطوعة عندي",
    "digits": "سفارش ۱۲۳۴۵ و ٦٧٨",
    "late": "My order #998 isn't here: it's LATE!",
    "accent": "Café déjà vu",
    "emoji": "🌹🌹",
    "long": "x" * 200 + " tail",
    "under": "snake_case and e-mail@example.com",
    "tatweel": "ســـلام",
    "harakat": "مُحَمَّد",
    "adlam": "𞤀𞤣𞤤𞤢𞤥 word",
    "supplement": "ݨࢠᲀ Ა",
    "tai lue": "ᦀᦰᦁ",  # the second is a letter to Python, and a mark to SQLite
}

CASES: list[tuple[str, set[str] | None]] = [
    ("اينترنت", {"internet"}),  # Arabic yeh
    ("اینترنت", {"internet"}),
    ("انترنت", set()),
    ("الانترنت", {"arabic"}),  # without hamza
    ("مقطوعه", {"arabic"}),  # teh marbuta as heh
    ("مي‌شود", {"zwnj", "spaced"}),  # Arabic yeh, with ZWNJ
    ("میشود", {"zwnj"}),
    ("می شود", {"zwnj", "spaced"}),
    ("نمیرس", {"zwnj"}),
    ("12345", {"digits"}),
    ("۱۲۳۴۵", {"digits"}),
    ("678", {"digits"}),
    ("٦٧", {"digits"}),
    ("#998", {"late"}),
    ("LATE", {"late"}),
    ("la", {"late"}),
    ("order la", {"late"}),
    ("ord late", set()),  # only the last word may be a beginning
    ("late order", {"late"}),  # in any order
    ("late café", set()),  # all words
    ("cafe", {"accent"}),
    ("DÉJÀ", {"accent"}),
    ("🌹", None),
    ("", None),
    ("  \x00 \ud800 ", None),
    ("'\"; --", None),
    ('"late" OR "cafe"', set()),  # OR is a word, not an operator
    ("late NOT cafe", set()),
    ("late AND order", set()),
    ("NEAR(late order)", set()),
    ("late*", {"late"}),
    ("*", None),
    ("search_text:late", set()),
    ("^late", {"late"}),
    ("late & order | x", set()),
    ("late:*", {"late"}),
    ("!late", {"late"}),
    ("it's", {"late"}),
    ("x" * 200, {"long"}),
    ("x" * 100, {"long"}),
    ("x" * 99, {"long"}),
    ("tail", {"long"}),
    ("snake_case", {"under"}),
    ("case", {"under"}),
    ("e-mail@example.com", {"under"}),
    ("سلام", {"tatweel"}),
    ("محمد", {"harakat"}),
    ("𞤀𞤣𞤤𞤢𞤥", {"adlam"}),
    ("𞤀", {"adlam"}),
    ("Ა", {"supplement"}),
    ("ࢠ", set()),  # in the middle of a word
    ("ݨ", {"supplement"}),
    ("ᦀᦰ", {"tai lue"}),
    ("ᦁ", set()),  # no word of its own
]


@pytest.fixture
def filled(store: Store) -> Store:
    take_in(store, [incoming(key, text, author="nobody") for key, text in MESSAGES.items()])
    return store


def test_it_finds_what_people_mean(filled: Store) -> None:
    wrong = {query: result for query, wanted in CASES if (result := found(filled, query)) != wanted}
    assert wrong == {}


def test_a_message_is_found_by_who_wrote_it(store: Store) -> None:
    author = Author("7", "sara_mohammadi", "سارا محمّدی")
    take_in(store, [incoming("1", "سلام", author=author), incoming("2", "سلام")])
    assert found(store, "محمدي") == found(store, "mohammadi") == {"1"}
    assert found(store, "سارا سلام") == {"1"}


def test_a_message_is_found_by_its_new_words_after_its_search_text_was_made_anew(
    store: Store,
) -> None:
    take_in(store, [incoming("1", "before"), incoming("2", "before")])
    with store.write() as session:
        session.execute(
            update(Message).where(Message.native_key == "1").values(search_text="after")
        )
    assert found(store, "after") == {"1"}
    assert found(store, "before") == {"2"}


@pytest.fixture(scope="module")
def pair(sqlite_files: SqliteFiles, postgresql: PostgresqlServer) -> Iterator[list[Store]]:
    with sqlite_files.database() as file, postgresql.database() as database:
        stores = [Store(file), Store(database)]
        yield stores
        for store in stores:
            store.close()


# Letters that databases and Python are known to see differently, and what surrounds words.
_SIGNS = st.one_of(
    st.sampled_from("یيىئكکآأؤةهۀ\u200c\u200dـًّ ۱٢3aBßİıſﬁﷲǅꙮ_-'\".🌹\u0301\u20dd"),
    st.characters(exclude_categories=["Cs"]),
)


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    text=st.text(_SIGNS, min_size=1, max_size=12), query=st.text(_SIGNS, max_size=4), cut=st.data()
)
def test_both_databases_find_the_same(
    pair: list[Store], text: str, query: str, cut: st.DataObject
) -> None:
    begin = cut.draw(st.integers(0, len(text) - 1))
    part = text[begin : cut.draw(st.integers(begin, len(text)))]
    for store in pair:
        take_in(store, [incoming(f"{hash(text)}", text, author="a")])
    for words in (text, part, query, f"{part} {query}"):
        on_sqlite, on_postgresql = (found(store, words) for store in pair)
        assert on_sqlite == on_postgresql


@settings(max_examples=150)
@given(text=st.text(_SIGNS, min_size=1, max_size=30))
def test_whatever_is_taken_in_is_found_by_its_own_text(
    sqlite_files: SqliteFiles, text: str
) -> None:
    with sqlite_files.database() as url:
        store = Store(url)
        take_in(store, [incoming("1", text)])
        assert found(store, text) in ({"1"}, None)
        store.close()
