"""Promises of mail: what leaves is whole, encrypted as asked, and its end is known or said not
to be."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.mailbox import PASSWORD, USER, Mailbox, certificate, mail_server
from support.processes import free_port

from config import Settings, SettingsError, load
from dashboard.duty.letters import Letter
from service.doctor import examine
from service.inventory import settings_in_force
from service.mail import Envelope, Mailer, NotTaken, OutcomeUnknown

LETTER = Letter("فوری: پول رفت", "سلام\n.\nپایان\n", "<p dir='rtl'>سلام</p>", "fa")
AT = datetime(2026, 1, 3, 6, 30, tzinfo=UTC)


def to(email: str = "sara@shop.test", name: str = "سارا احمدی") -> Envelope:
    return Envelope(email, name, "<alert.1@shop.test>", AT)


def settings_for(box_port: int, security: str = "none", **more: Any) -> Settings:
    return Settings(
        smtp_host="127.0.0.1",
        smtp_port=box_port,
        smtp_security=security,
        mail_from="alerts@shop.test",
        **more,
    )


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


def send(box: Mailbox, envelope: Envelope | None = None) -> None:
    with Mailer(settings_for(box.port)).connect() as line:
        line.send(LETTER, envelope or to())


def test_a_mail_arrives_whole(box: Mailbox) -> None:
    send(box)
    (mail,) = box.mails
    assert box.recipients == ["sara@shop.test"]
    assert mail["Subject"] == LETTER.subject
    assert mail["From"].addresses[0].addr_spec == "alerts@shop.test"
    assert mail["To"].addresses[0].display_name == "سارا احمدی"
    assert mail["Message-ID"] == "<alert.1@shop.test>"
    assert mail["Date"].datetime == AT
    assert mail["Content-Language"] == "fa"
    assert mail["Auto-Submitted"] == "auto-generated"
    plain, html = mail.iter_parts()
    assert plain.get_content().replace("\r\n", "\n") == LETTER.text
    assert html.get_content_type() == "text/html"
    assert html.get_content().strip() == LETTER.html


@pytest.mark.parametrize("name", ["x\r\nBcc: all@shop.test", 'Sara "<a@b>", x', "\u202esara", ""])
def test_a_name_can_do_nothing_to_the_mail(box: Mailbox, name: str) -> None:
    send(box, to(name=name))
    (mail,) = box.mails
    assert box.recipients == ["sara@shop.test"]
    assert [one.addr_spec for one in mail["To"].addresses] == ["sara@shop.test"]
    assert mail["Bcc"] is None


@pytest.mark.parametrize("way", ["starttls", "tls"])
def test_it_is_encrypted_and_signed_in_as_asked(tmp_path: Path, way: str) -> None:
    server, client = certificate(tmp_path)
    how: dict[str, ssl.SSLContext] = {way: server}
    with mail_server(auth=True, **how) as box:  # type: ignore[arg-type]
        settings = settings_for(box.port, way, smtp_user=USER, smtp_password=PASSWORD)
        with Mailer(settings, client).connect() as line:
            line.send(LETTER, to())
        assert len(box.mails) == 1

        wrong = settings_for(box.port, way, smtp_user=USER, smtp_password="no")
        with pytest.raises(NotTaken, match="refuses the sign-in as alerts") as refused:
            Mailer(wrong, client)._open()
        assert refused.value.reason == "sign_in"

        # A certificate that nobody vouches for is none.
        with pytest.raises(NotTaken) as untrusted:
            Mailer(settings)._open()
        assert untrusted.value.reason == "encryption"
        assert len(box.mails) == 1


def test_without_the_encryption_that_was_asked_for_nothing_is_said(box: Mailbox) -> None:
    with pytest.raises(NotTaken) as refused:
        Mailer(settings_for(box.port, "starttls", smtp_user=USER, smtp_password="x"))._open()
    assert refused.value.reason == "encryption"


def test_a_server_that_is_not_there_has_taken_nothing() -> None:
    with pytest.raises(NotTaken) as refused:
        Mailer(settings_for(free_port()))._open()
    assert (refused.value.reason, refused.value.for_good) == ("unreachable", False)


@pytest.mark.parametrize(
    ("refusal", "reason", "for_good"),
    [
        ({"refuse_address": "550 no such person"}, "address_refused", True),
        ({"refuse_address": "450 later"}, "address_refused", False),
        ({"refuse_mail": "554 spam"}, "refused", True),
        ({"refuse_mail": "452 full"}, "refused", False),
    ],
)
def test_a_refusal_is_told_for_what_it_is(
    box: Mailbox, refusal: dict[str, str], reason: str, for_good: bool
) -> None:
    for name, value in refusal.items():
        setattr(box, name, value)
    with pytest.raises(NotTaken) as refused:
        send(box)
    assert (refused.value.reason, refused.value.for_good) == (reason, for_good)


def test_a_server_that_hangs_up_after_the_last_line_leaves_it_unknown(box: Mailbox) -> None:
    box.hang_up = True
    with pytest.raises(OutcomeUnknown):
        send(box)


@pytest.mark.parametrize("utf8", [True, False])
def test_an_address_beyond_ascii_goes_where_the_server_takes_it(utf8: bool) -> None:
    with mail_server(utf8=utf8) as box:
        if utf8:
            send(box, to("سارا@shop.test"))
            assert box.recipients == ["سارا@shop.test"]
            return
        with pytest.raises(NotTaken) as refused:
            send(box, to("سارا@shop.test"))
        assert (refused.value.reason, refused.value.for_good) == ("address_refused", True)
        assert box.mails == []


# Settings and the doctor.


def test_the_password_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHENAVA_SMTP_PASSWORD", PASSWORD)
    settings = load()
    told = " ".join(item.shown for item in settings_in_force(settings))
    assert PASSWORD not in told + repr(settings) + str(settings)
    assert "(not shown)" in told


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"smtp_host": "mail.shop.test"}, "The setting mail_from (SHENAVA_MAIL_FROM)"),
        ({"mail_from": "not an address"}, "The setting mail_from"),
        ({"mail_from": "a@b\r\nBcc: c@d"}, "The setting mail_from"),
        ({"smtp_security": "ssl"}, "The setting smtp_security"),
        (
            {"smtp_host": "mail.shop.test", "smtp_security": "none", "smtp_user": "x"},
            "The setting smtp_user",
        ),
        ({"smtp_password": 123456}, "The setting smtp_password"),
    ],
)
def test_a_wrong_setting_of_mail_is_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as wrong:
        load(**given)
    assert said in str(wrong.value)
    assert "123456" not in str(wrong.value)


def test_the_doctor_looks_at_the_mail_server_where_there_is_one(
    box: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHENAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SHENAVA_PORT", str(free_port()))

    def said() -> dict[str, tuple[bool, str]]:
        return {check.name: (check.ok, check.words) for check in examine()}

    assert "E-mail" not in said()
    monkeypatch.setenv("SHENAVA_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("SHENAVA_SMTP_PORT", str(box.port))
    monkeypatch.setenv("SHENAVA_SMTP_SECURITY", "none")
    monkeypatch.setenv("SHENAVA_MAIL_FROM", "alerts@shop.test")
    assert said()["E-mail"] == (True, f"127.0.0.1:{box.port} answers (without encryption)")
    assert box.mails == []
    monkeypatch.setenv("SHENAVA_SMTP_SECURITY", "starttls")
    ok, words = said()["E-mail"]
    assert not ok
    assert "STARTTLS" in words and "smtp_" in words
