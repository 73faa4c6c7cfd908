"""Broadcasts: a notice to everyone at once, as far as platforms and people allow it.

content     what is said, and to whom it is to go
snapshot    what the store knows of everyone it could go to
plan        who is told, how, at what price, how fast; who is left out, and why (pure)
drafting    a draft is written, its plan frozen, approved, put off, withdrawn
running     it starts, pauses, goes on, stops, ends; what failed is tried again
feeding     the ledger's rows become rows of the outbox
progress    what became of everyone
"""
