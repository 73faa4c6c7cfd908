"""Answering: triage, the rules gate, the outbox, broadcasts, incidents, automatic replies."""
