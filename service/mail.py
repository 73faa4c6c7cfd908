"""Mail: one connection to the shop's mail server, one letter over it, and what came of that.

What goes wrong is told apart by one question: can the mail have been taken? Until its last line
left, it cannot; after that only the server's own word says so.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from config.settings import Settings, SmtpSecurity
from dashboard.duty.letters import Letter

TIMEOUT_S = 20.0
"""Seconds to wait for each word of the mail server."""


class MailError(Exception):
    """The mail was not taken, or nobody knows. ``reason`` is a code, ``str()`` words for a log."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(words)
        self.reason = reason


class NotTaken(MailError):
    """It was certainly not taken. ``for_good``: it would not be the next time either."""

    def __init__(self, reason: str, words: str, *, for_good: bool = False) -> None:
        super().__init__(reason, words)
        self.for_good = for_good


class OutcomeUnknown(MailError):
    """All of it left, and no answer came."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """To whom it goes, and the Message-ID that every attempt carries."""

    email: str
    name: str
    message_id: str
    at: datetime


def message_of(letter: Letter, envelope: Envelope, mail_from: str) -> EmailMessage:
    """The mail, plain and HTML. Names may hold anything: what would end a line is left out."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = Address("Shenava", addr_spec=mail_from)
    message["To"] = _address(envelope.name, envelope.email)
    message["Subject"] = _one_line(letter.subject)
    message["Date"] = format_datetime(envelope.at)
    message["Message-ID"] = envelope.message_id
    # RFC 3834: nobody's holiday notice is to answer this.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(letter.text, cte="base64")
    message.add_alternative(letter.html, subtype="html", cte="base64")
    for one in letter.attachments:
        message.add_attachment(one.body, maintype=one.kind, subtype=one.subkind, filename=one.name)
    # Last: the library takes headers of this kind for the first part's.
    message["Content-Language"] = letter.language
    return message


def _address(name: str, email: str) -> Address:
    local, _, domain = email.rpartition("@")
    return Address(_one_line(name), local, domain)


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


class Line:
    """An open connection, signed in."""

    def __init__(self, smtp: smtplib.SMTP, mail_from: str) -> None:
        self._smtp = smtp
        self._mail_from = mail_from

    def send(self, letter: Letter, envelope: Envelope) -> None:
        """Send one mail. Raises :class:`NotTaken` or :class:`OutcomeUnknown`."""
        smtp = self._smtp
        body, options = self._prepared(letter, envelope)
        try:
            _expect(smtp.mail(self._mail_from, options), "refused")
            _expect(smtp.rcpt(envelope.email), "address_refused")
        except smtplib.SMTPServerDisconnected as error:
            raise NotTaken("unreachable", str(error)) from None
        except OSError as error:
            raise NotTaken("unreachable", _words(error)) from None
        try:
            answer = smtp.data(body)
        except smtplib.SMTPDataError as error:
            # It did not even want to hear the mail.
            raise _refused(error.smtp_code, error.smtp_error, "refused") from None
        except (smtplib.SMTPException, OSError) as error:
            raise OutcomeUnknown("no_answer", _words(error)) from None
        _expect(answer, "refused")

    def _prepared(self, letter: Letter, envelope: Envelope) -> tuple[bytes, list[str]]:
        try:
            message = message_of(letter, envelope, self._mail_from)
            if envelope.email.isascii():
                return message.as_bytes(), []
            if not self._smtp.has_extn("smtputf8"):
                raise NotTaken(
                    "address_refused",
                    "the mail server takes no addresses beyond ASCII",
                    for_good=True,
                )
            return message.as_bytes(policy=policy.SMTPUTF8), ["SMTPUTF8"]
        except (ValueError, LookupError) as error:
            # What the mail library refuses to write down, nobody has sent.
            raise NotTaken("fault", _words(error), for_good=True) from error


class Mailer:
    """Connects to the mail server that the settings name. ``tls``: what it is trusted by."""

    def __init__(self, settings: Settings, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._tls = tls

    @contextmanager
    def connect(self) -> Iterator[Line]:
        """Open a connection for a ``with`` block. Raises :class:`NotTaken` when it cannot be."""
        smtp = self._open()
        try:
            yield Line(smtp, self._settings.mail_from)
        finally:
            try:
                smtp.quit()
            except (smtplib.SMTPException, OSError):
                smtp.close()

    def _open(self) -> smtplib.SMTP:
        settings = self._settings
        smtp: smtplib.SMTP | None = None
        # How we call ourselves; the library would ask the network for our name, for seconds.
        me = settings.mail_from.rpartition("@")[2]
        tls = self._tls or ssl.create_default_context()
        try:
            if settings.smtp_security is SmtpSecurity.TLS:
                smtp = smtplib.SMTP_SSL(
                    settings.smtp_host,
                    settings.smtp_port,
                    local_hostname=me,
                    timeout=TIMEOUT_S,
                    context=tls,
                )
            else:
                smtp = smtplib.SMTP(
                    settings.smtp_host, settings.smtp_port, local_hostname=me, timeout=TIMEOUT_S
                )
            smtp.ehlo_or_helo_if_needed()
            if settings.smtp_security is SmtpSecurity.STARTTLS:
                smtp.starttls(context=tls)
                smtp.ehlo_or_helo_if_needed()
            if settings.smtp_user:
                password = settings.smtp_password
                smtp.login(settings.smtp_user, password.get_secret_value() if password else "")
        except (smtplib.SMTPException, OSError) as error:
            if smtp is not None:
                smtp.close()
            raise _not_open(error, settings) from None
        return smtp


def _not_open(error: Exception, settings: Settings) -> NotTaken:
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    match error:
        case smtplib.SMTPAuthenticationError():
            return NotTaken(
                "sign_in", f"{where} refuses the sign-in as {settings.smtp_user} ({_words(error)})"
            )
        case smtplib.SMTPNotSupportedError():
            return NotTaken("encryption", f"{where}: {_words(error)}")
        case ssl.SSLError():
            return NotTaken("encryption", f"{where} cannot be trusted: {_words(error)}")
        case _:
            return NotTaken("unreachable", f"{where} does not answer: {_words(error)}")


def _expect(answer: tuple[int, bytes], reason: str) -> None:
    code, words = answer
    if not 200 <= code < 300:
        raise _refused(code, words, reason)


def _refused(code: int, words: bytes | str, reason: str) -> NotTaken:
    """RFC 5321: 4xx may pass, 5xx will not."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return NotTaken(reason, f"{code} {' '.join(text.split())[:300]}", for_good=code >= 500)


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
