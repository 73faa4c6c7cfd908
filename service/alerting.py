"""Alerts, as the schedule calls them: cases ring, and the mail about them leaves."""

from __future__ import annotations

import logging

from config import Settings
from dashboard.duty.letters import Letter, letter
from responder import alerts
from responder.alert_mail import Departure, MailClaim, Outcome, arrive, claim_due, depart, recover
from responder.policy import Policy
from service.mail import Envelope, Line, Mailer, NotTaken, OutcomeUnknown
from shenava.store import Store

log = logging.getLogger(__name__)


class Alerting:
    """What the schedule calls. Any number of processes may do the same on one database."""

    def __init__(
        self, store: Store, settings: Settings, policy: Policy, mailer: Mailer | None = None
    ) -> None:
        """``mailer``: the mail server of a test; else the one that the settings name, if any."""
        self._store = store
        self._settings = settings
        self._hours = policy.hours
        self._rules = alerts.rules_of(settings)
        self._mailer = mailer or (Mailer(settings) if settings.smtp_host else None)

    def ring(self) -> alerts.Tick:
        """One tick of the alarms."""
        done = alerts.tick(self._store, self._rules, self._hours)
        if done.called:
            log.info(
                "%d cases began to ring, %d went on to the next person; %d calls",
                done.rung,
                done.escalated,
                done.called,
            )
        return done

    def send(self, limit: int = 50) -> int:
        """Send the mail that is due, at most ``limit``; returns how many were tried.

        Stops where the mail server cannot be reached: the next would not reach it either.
        """
        if self._mailer is None:
            return 0
        recover(self._store)
        for tried in range(limit):
            claim = claim_due(self._store)
            if claim is None:
                return tried
            if not self._deliver(self._mailer, claim):
                return tried + 1
        return limit

    def _deliver(self, mailer: Mailer, claim: MailClaim) -> bool:
        """Whether the mail server was there."""
        try:
            with mailer.connect() as line:
                self._over(line, claim)
        except NotTaken as error:
            log.warning("mail %d was not sent: %s", claim.mail_id, error)
            arrive(self._store, claim, Outcome.AGAIN, error.reason)
            return False
        return True

    def _over(self, line: Line, claim: MailClaim) -> None:
        """Send what is claimed over an open connection, and write down what came of it."""
        departure = depart(self._store, claim)
        if departure is None:
            return
        try:
            said = _said(departure, self._settings)
            envelope = Envelope(departure.email, departure.name, departure.message_id, departure.at)
            line.send(said, envelope)
        except NotTaken as error:
            log.warning("mail %d was not taken: %s", claim.mail_id, error)
            outcome = Outcome.FAILED if error.for_good else Outcome.AGAIN
            arrive(self._store, claim, outcome, error.reason)
        except OutcomeUnknown as error:
            log.warning("mail %d may have been sent: %s", claim.mail_id, error)
            arrive(self._store, claim, Outcome.UNKNOWN, error.reason)
        else:
            arrive(self._store, claim, Outcome.SENT)


def _said(departure: Departure, settings: Settings) -> Letter:
    """The words of the mail. What fails here has sent nothing."""
    try:
        return letter(departure, settings)
    except Exception as error:
        log.exception("mail %d could not be put into words", departure.mail_id)
        raise NotTaken("fault", type(error).__name__, for_good=True) from error
