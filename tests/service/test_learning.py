"""Promises of learning: checked, in versions, undoable, done once, forgotten on erasure."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, update
from support.factories import START, incoming

from collectors.intake import take_in
from responder import learning
from responder.corrections import Said, correct
from responder.erasing import erase_person
from responder.learning import LearningError
from responder.policy import Policy
from sentiment.classifier import Classifier
from sentiment.lessons import Lesson
from service.cli import cli
from service.errors import Halt
from service.learning import ShopJudge, Teacher, read_labelled
from service.opening import open_store
from service.pipeline import Pipeline
from shenava.clock import SetClock
from shenava.messages import Author, Intent, Sentiment
from shenava.store import (
    Alone,
    Audit,
    Case,
    Correction,
    LabelledText,
    LearnedVersion,
    Message,
    Role,
    Store,
    User,
    UserState,
    VerdictRow,
    VersionState,
)

WORD = "زرگولیدم"
NEW = "باز هم زرگولیدم از دست شما"
EVERY = 20


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load()


@pytest.fixture
def user(store: Store) -> int:
    with store.write() as session:
        row = User(
            email="sara@shop.example",
            name="Sara",
            role=Role.ADMIN,
            state=UserState.ACTIVE,
            password_hash="x",
            session_key="k",
            created_at=START,
        )
        session.add(row)
        session.flush()
        return row.id


@pytest.fixture
def judged(store: Store, classifier: Classifier, policy: Policy) -> Callable[[list[str]], None]:
    """Takes in messages, each of a person of their own, and lets them be judged."""

    def judge(texts: list[str]) -> None:
        take_in(
            store,
            [
                incoming(f"{text}", text=text, author=Author(f"id-{text}", None, None, None))
                for text in texts
            ],
        )
        Pipeline(store, ShopJudge(store, classifier), policy).run_until_idle()

    return judge


@pytest.fixture
def teacher(store: Store, classifier: Classifier) -> Teacher:
    return Teacher(store, classifier, EVERY)


@pytest.fixture
def corrected(
    store: Store, judged: Callable[[list[str]], None], user: int, policy: Policy
) -> Callable[[int], list[int]]:
    """Takes in so many messages with the shop's own word, and corrects each."""

    def do(count: int) -> list[int]:
        texts = [f"{WORD} امروز سفارش {number}" for number in range(count)]
        texts += [f"چطورید امروز سفارش {number}" for number in range(count)]
        judged(texts)
        with store.read() as session:
            ids = {row.text: row.id for row in session.scalars(select(Message))}
        for text in texts:
            with store.write() as session:
                bad = text.startswith(WORD)
                mood = Sentiment.NEGATIVE if bad else Sentiment.NEUTRAL
                word = Said(sentiment=mood, complaint=bad)
                correct(session, user, ids[text], store.clock.now(), policy, word)
        return [ids[text] for text in texts]

    return do


def versions(store: Store) -> list[LearnedVersion]:
    with store.read() as session:
        return list(session.scalars(select(LearnedVersion).order_by(LearnedVersion.id)))


def weights(store: Store, number: int) -> bytes | None:
    with store.read() as session:
        return learning.weights_of(session, number)


def latest_verdict(store: Store, text: str) -> VerdictRow:
    with store.read() as session:
        return session.scalars(
            select(VerdictRow)
            .join(Message, Message.id == VerdictRow.message_id)
            .where(Message.text == text)
            .order_by(VerdictRow.id.desc())
        ).first() or pytest.fail("there is no verdict")


def test_corrections_teach_and_the_verdict_tells_the_version(
    store: Store, teacher: Teacher, corrected, judged, classifier: Classifier
) -> None:
    corrected(9)
    assert teacher.tick() is None, "fewer than EVERY corrections"
    corrected(12)
    number = teacher.tick()
    assert number is not None
    (version,) = versions(store)
    assert version.state is VersionState.ON
    assert version.corrected == 24
    assert version.figures["complaint"]["on"] is True
    before, after = version.figures["complaint"]["macro_f1"]
    assert after >= before
    assert teacher.tick() is None, "nothing new"
    judged([NEW])
    verdict = latest_verdict(store, NEW)
    assert verdict.complaint is True
    assert verdict.model == f"{classifier.base}+shop{number}"
    assert WORD in verdict.why


def test_undo_brings_back_the_model_and_stays(
    store: Store, teacher: Teacher, corrected, judged, user: int, classifier: Classifier
) -> None:
    corrected(15)
    number = teacher.tick()
    with store.write() as session:
        assert learning.undo(session, user, START) is None
    judged([NEW])
    assert latest_verdict(store, NEW).model == classifier.base
    again = teacher.learn_now(user)
    assert again is not None
    assert [row.state for row in versions(store)] == [VersionState.OFF, VersionState.OFF]
    with store.write() as session:
        learning.switch_on(session, user, again, START)
        learning.switch_on(session, user, number or 0, START)
        assert learning.in_use(session) == (number, classifier.base)
        learning.switch_on(session, user, again, START)
        assert learning.undo(session, user, START) == number
    with store.read() as session:
        told = session.scalars(select(Audit.action).order_by(Audit.id)).all()
    assert told[-5:] == ["learned", *["learned_on"] * 4]


def test_there_is_nothing_to_undo_before(store: Store, user: int) -> None:
    with store.write() as session, pytest.raises(LearningError):
        learning.undo(session, user, START)
    with store.write() as session, pytest.raises(LearningError):
        learning.switch_on(session, user, 7, START)


def test_an_erased_person_is_forgotten_by_what_was_learned(
    store: Store, teacher: Teacher, corrected, policy: Policy
) -> None:
    messages = corrected(15)
    number = teacher.tick()
    assert number is not None
    assert weights(store, number)
    with store.write_alone(Alone.INTAKE) as session:
        identity = session.get_one(Message, messages[0]).identity_id
        erase_person(session, identity, START, policy)
    assert weights(store, number) is None
    (version,) = versions(store)
    assert version.state is VersionState.GONE
    again = teacher.tick()
    assert again is not None, "it is learned again without them"
    with store.read() as session:
        row = session.get_one(LearnedVersion, again)
        assert messages[0] not in row.learned_from
        assert set(messages[1:]) == set(row.learned_from)


def test_a_removal_while_it_learns_is_noticed(
    store: Store, classifier: Classifier, corrected, policy: Policy
) -> None:
    messages = corrected(15)

    class Slow(Teacher):
        def _taught(self):  # type: ignore[no-untyped-def]
            found = super()._taught()
            with store.write_alone(Alone.INTAKE) as session:
                identity = session.get_one(Message, messages[0]).identity_id
                erase_person(session, identity, START, policy)
            return found

    assert Slow(store, classifier, EVERY).tick() is None
    assert versions(store) == []
    assert Teacher(store, classifier, EVERY).tick() is not None


def test_labelled_texts_of_an_erased_person_go_too(
    store: Store, teacher: Teacher, judged, policy: Policy
) -> None:
    judged([f"{WORD} این متن"])
    lessons = [Lesson(f"{WORD} متن {n}", complaint=True) for n in range(30)]
    lessons += [Lesson(f"چطورید متن {n}", complaint=False) for n in range(30)]
    with store.write() as session:
        learning.add_labelled(session, [*lessons, Lesson(f"{WORD} این متن", complaint=True)], START)
    number = teacher.learn_now()
    assert number is not None
    assert weights(store, number)
    with store.write_alone(Alone.INTAKE) as session:
        identity = session.scalars(select(Message.identity_id)).one()
        erase_person(session, identity, START, policy)
    with store.read() as session:
        assert session.scalar(select(func.count(LabelledText.id))) == 60
    assert weights(store, number) is None


def test_messages_that_people_let_stand_are_learned_from(
    store: Store, corrected, judged, clock: SetClock
) -> None:
    corrected(3)
    judged(["thank you so much", "سلام خوبید"])
    with store.write() as session:
        answered = session.scalar(select(Message.case_id).where(Message.text == "سلام خوبید"))
        session.execute(update(Case).where(Case.id == answered).values(answered_at=clock.now()))
        found = learning.gather(session)
    assert found.corrected == 6
    assert found.let_stand == 1
    assert [one.text for one in found.lessons if not one.said and one.sentiment] == ["سلام خوبید"]


def test_of_two_who_learn_at_once_one_does(store: Store, classifier: Classifier, corrected) -> None:
    corrected(15)
    teachers = [Teacher(store, classifier, EVERY) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda one: one.tick(), teachers))
    assert len([number for number in made if number is not None]) == 1
    assert len(versions(store)) == 1


def test_a_teacher_that_died_is_followed_when_its_lease_ends(
    store: Store, teacher: Teacher, corrected, clock: SetClock, classifier: Classifier
) -> None:
    corrected(15)
    with store.write() as session:
        assert learning.claim(session, clock.now(), base=classifier.base, every=EVERY)
    assert teacher.tick() is None
    clock.advance(learning.LEASE)
    assert teacher.tick() is not None


def test_corrections_of_edited_words_teach_nothing(store: Store, corrected) -> None:
    messages = corrected(2)
    with store.write() as session:
        session.execute(
            update(Correction)
            .where(Correction.message_id == messages[0])
            .values(superseded_at=START)
        )
        assert learning.gather(session).corrected == 3


def _csv(folder: Path, text: str) -> Path:
    file = folder / "labels.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_is_read_with_any_of_its_columns(tmp_path: Path) -> None:
    file = _csv(
        tmp_path,
        "text,complaint,intents,sentiment\n"
        "«سلام، خوبید؟»,yes,payment;refund,negative\n"
        '"two\nlines",no,none,\n',
    )
    first, second = read_labelled(file)
    assert first.complaint is True
    assert first.intents == {Intent.PAYMENT, Intent.REFUND}
    assert first.sentiment is Sentiment.NEGATIVE
    assert (second.text, second.intents, second.sentiment) == ("two\nlines", frozenset(), None)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("text,complaint\nhello,maybe\nfine,yes\n,no\n", "line 2: complaint is 'maybe'"),
        ("text,complaint\nhello,maybe\nfine,yes\n,no\n", "line 4: no text"),
        ("text,sentiment\nhello,angry\n", "line 2: sentiment is 'angry'"),
        ("text,intents\nhello,lunch\n", "line 2: there is no intent 'lunch'"),
        ("text,urgent\nhello,\n", "line 2: no label"),
        ("text,urgent\nhello,yes,more\n", "line 2: more cells"),
        ("text,mood\nhello,bad\n", "must name its columns"),
        ("urgent\nyes\n", "must name its columns"),
        ("text,urgent\n", "has no rows"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_nothing_is_taken_in(
    tmp_path: Path, body: str, said: str
) -> None:
    with pytest.raises(Halt, match=said):
        read_labelled(_csv(tmp_path, body))


def test_the_command_learns_lists_and_undoes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHENAVA_HOME", str(tmp_path / "home"))
    rows = [f"{WORD} متن {n},yes,negative" for n in range(60)]
    rows += [f"چطورید متن {n},no,neutral" for n in range(60)]
    file = _csv(tmp_path, "text,complaint,sentiment\n" + "\n".join(rows))
    runner = CliRunner()

    def run(*words: str) -> str:
        result = runner.invoke(cli, ["learn", *words])
        assert result.exit_code == 0, result.output
        return result.output

    assert "version 1" in run(str(file))
    assert "complaint: macro-F1" in run("--list")
    assert "The model alone is in use." in run("--undo")
    assert "Version 1 is in use." in run("--use", "1")
    assert "Removed 120 labelled texts" in run("--forget-files")
    refused = runner.invoke(cli, ["learn", "--undo"])
    assert refused.exit_code == 2
    assert "nothing to undo" in refused.output
    bad = runner.invoke(cli, ["learn", str(_csv(tmp_path, "text,urgent\nx,perhaps\n"))])
    assert bad.exit_code == 2
    assert "line 2: urgent is 'perhaps'" in bad.output
    from config import load

    store = open_store(load())
    with store.read() as session:
        assert session.scalar(select(func.count(LabelledText.id))) == 0
    store.close()
