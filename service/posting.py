"""The mail of one kind, as the schedule sends it: claimed, over one connection, written down."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic

from dashboard.duty.letters import Letter
from responder.mailing import Mail, MailClaim, Outcome, arrive, claim_due, recover
from service.mail import Envelope, Line, Mailer, NotTaken, OutcomeUnknown
from shenava.store import Store

log = logging.getLogger(__name__)

Ready = tuple[Envelope, Callable[[], Letter]]
"""A mail that has departed, and what makes its words; raises :class:`NotTaken` when it cannot."""


class Posting(Generic[Mail]):
    """Sends what is due of one kind. Any number of processes may do the same on one database."""

    def __init__(
        self,
        store: Store,
        mail: type[Mail],
        mailer: Mailer,
        ready: Callable[[MailClaim], Ready | None],
    ) -> None:
        """``ready``: commits that the mail leaves now; ``None`` when nothing is to leave."""
        self._store = store
        self._mail: type[Mail] = mail
        self._mailer = mailer
        self._ready = ready

    def send(self, limit: int) -> int:
        """Send what is due, at most ``limit``; returns how many were tried. Stops where the mail
        server cannot be reached: the next would not reach it either."""
        recover(self._store, self._mail)
        for tried in range(limit):
            claim = claim_due(self._store, self._mail)
            if claim is None:
                return tried
            if not self._deliver(claim):
                return tried + 1
        return limit

    def _deliver(self, claim: MailClaim) -> bool:
        """Whether the mail server was there."""
        try:
            with self._mailer.connect() as line:
                self._over(line, claim)
        except NotTaken as error:
            log.warning("mail %d was not sent: %s", claim.mail_id, error)
            self._arrive(claim, Outcome.AGAIN, error.reason)
            return False
        return True

    def _over(self, line: Line, claim: MailClaim) -> None:
        """Send what is claimed over an open connection, and write down what came of it."""
        ready = self._ready(claim)
        if ready is None:
            return
        envelope, words = ready
        try:
            line.send(words(), envelope)
        except NotTaken as error:
            log.warning("mail %d was not taken: %s", claim.mail_id, error)
            outcome = Outcome.FAILED if error.for_good else Outcome.AGAIN
            self._arrive(claim, outcome, error.reason)
        except OutcomeUnknown as error:
            log.warning("mail %d may have been sent: %s", claim.mail_id, error)
            self._arrive(claim, Outcome.UNKNOWN, error.reason)
        else:
            self._arrive(claim, Outcome.SENT)

    def _arrive(self, claim: MailClaim, outcome: Outcome, reason: str | None = None) -> None:
        arrive(self._store, self._mail, claim, outcome, reason)
