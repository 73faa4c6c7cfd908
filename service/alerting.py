"""Alerts, as the schedule calls them: cases and spikes ring, and the mail about them leaves."""

from __future__ import annotations

import logging

from config import Settings
from dashboard.duty.letters import Letter, letter
from responder import alerts
from responder.alert_mail import Departure, depart
from responder.mailing import MailClaim
from responder.policy import Policy
from service.mail import Envelope, Mailer, NotTaken
from service.posting import Posting, Ready
from shenava.store import AlertMail, Store

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
                "%d alarms began to ring, %d went on to the next person; %d calls",
                done.rung,
                done.escalated,
                done.called,
            )
        return done

    def send(self, limit: int = 50) -> int:
        """Send the mail that is due, at most ``limit``; returns how many were tried."""
        if self._mailer is None:
            return 0
        return Posting(self._store, AlertMail, self._mailer, self._ready).send(limit)

    def _ready(self, claim: MailClaim) -> Ready | None:
        departure = depart(self._store, claim)
        if departure is None:
            return None
        envelope = Envelope(departure.email, departure.name, departure.message_id, departure.at)
        return envelope, lambda: _said(departure, self._settings)


def _said(departure: Departure, settings: Settings) -> Letter:
    """The words of the mail. What fails here has sent nothing."""
    try:
        return letter(departure, settings)
    except Exception as error:
        log.exception("mail %d could not be put into words", departure.mail_id)
        raise NotTaken("fault", type(error).__name__, for_good=True) from error
