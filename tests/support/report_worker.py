"""A worker that mails the report that is due, for tests that kill it half way.

    python -m support.report_worker URL PORT INSTANT

Run by ``tests/service/test_reporting.py``.
"""

from __future__ import annotations

import sys
from datetime import datetime

from config import Settings
from responder.policy import policy_of
from service.reporting import Reporting
from shenava.clock import SetClock
from shenava.store import Store


def main(url: str, port: int, at: str) -> None:
    settings = Settings(
        smtp_host="127.0.0.1", smtp_port=port, smtp_security="none", mail_from="reports@shop.test"
    )
    store = Store(url, SetClock(datetime.fromisoformat(at)))
    Reporting(store, settings, policy_of(settings)).send()
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
