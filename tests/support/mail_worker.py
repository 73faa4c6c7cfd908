"""A worker that sends the mail that is due, for tests that kill it half way.

    python -m support.mail_worker URL PORT

Its clock stands where those of tests begin. Run by ``tests/service/test_alerting.py``.
"""

from __future__ import annotations

import sys

from config import Settings
from responder.policy import policy_of
from service.alerting import Alerting
from shenava.clock import SetClock
from shenava.store import Store
from support.factories import START


def main(url: str, port: int) -> None:
    settings = Settings(
        smtp_host="127.0.0.1", smtp_port=port, smtp_security="none", mail_from="alerts@shop.test"
    )
    store = Store(url, SetClock(START))
    Alerting(store, settings, policy_of(settings)).send()
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
