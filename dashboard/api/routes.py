"""The addresses of the API: its table of contents, and what the document is made from."""

from __future__ import annotations

from dashboard.api import answers, asked, cases, messages, shapes
from dashboard.api.problems import Kind
from dashboard.api.serving import Route
from shenava.store import Scope

_READ = (Scope.CASES_READ,)
_WRITE = (Scope.CASES_WRITE,)

ROUTES = (
    Route(
        "GET",
        "/cases",
        cases.list_cases,
        shapes.CasePage,
        _READ,
        query=asked.CaseQuery,
    ),
    Route(
        "GET",
        "/cases/{case_id}",
        cases.get_case,
        shapes.CaseWhole,
        (Scope.CASES_READ, Scope.MESSAGES_READ),
    ),
    Route(
        "POST",
        "/cases/{case_id}/assign",
        cases.assign_case,
        shapes.CaseDone,
        _WRITE,
        body=asked.Assign,
        kinds=(Kind.TAKEN,),
    ),
    Route(
        "POST",
        "/cases/{case_id}/close",
        cases.close_case,
        shapes.CaseDone,
        _WRITE,
        body=asked.Close,
        kinds=(Kind.CUSTOMER_WROTE,),
    ),
    Route(
        "POST",
        "/cases/{case_id}/snooze",
        cases.snooze_case,
        shapes.CaseDone,
        _WRITE,
        body=asked.Snooze,
        kinds=(Kind.CUSTOMER_WROTE,),
    ),
    Route(
        "POST",
        "/cases/{case_id}/reopen",
        cases.reopen_case,
        shapes.CaseDone,
        _WRITE,
        body=asked.Reopen,
    ),
    Route(
        "POST",
        "/cases/{case_id}/notes",
        cases.write_note,
        shapes.Note,
        _WRITE,
        body=asked.WriteNote,
        keyed=True,
        status=201,
    ),
    Route(
        "POST",
        "/cases/{case_id}/answers",
        answers.write_answer,
        shapes.Answer,
        (Scope.ANSWERS_WRITE,),
        body=asked.WriteAnswer,
        keyed=True,
        status=202,
        kinds=(Kind.COLLISION,),
    ),
    Route(
        "GET",
        "/messages",
        messages.list_messages,
        shapes.MessagePage,
        (Scope.MESSAGES_READ,),
        query=asked.MessageQuery,
    ),
    Route(
        "GET",
        "/messages/{message_id}",
        messages.get_message,
        shapes.Message,
        (Scope.MESSAGES_READ,),
    ),
    Route(
        "POST",
        "/messages/{message_id}/correction",
        messages.correct_message,
        shapes.Message,
        (Scope.CASES_WRITE, Scope.MESSAGES_READ),
        body=asked.Correct,
    ),
    Route(
        "GET",
        "/answers",
        answers.list_answers,
        shapes.AnswerPage,
        (Scope.ANSWERS_READ,),
        query=asked.AnswerQuery,
    ),
    Route(
        "GET",
        "/answers/{answer_id}",
        answers.get_answer,
        shapes.Answer,
        (Scope.ANSWERS_READ,),
    ),
    Route(
        "POST",
        "/answers/{answer_id}/approve",
        answers.approve_answer,
        shapes.AnswerDone,
        (Scope.ANSWERS_WRITE, Scope.ANSWERS_READ),
        body=asked.Approve,
        kinds=(Kind.NOT_YOURS,),
    ),
    Route(
        "POST",
        "/answers/{answer_id}/return",
        answers.return_answer,
        shapes.AnswerDone,
        (Scope.ANSWERS_WRITE, Scope.ANSWERS_READ),
        body=asked.SendBack,
        kinds=(Kind.NOT_YOURS,),
    ),
    Route(
        "GET",
        "/accounts",
        messages.list_accounts,
        shapes.AccountPage,
        (Scope.ACCOUNTS_READ,),
    ),
    Route(
        "GET",
        "/changes",
        cases.list_changes,
        shapes.Changes,
        _READ,
        query=asked.ChangeQuery,
    ),
)
"""All that ask for a token. The two that do not describe the API itself: ``blueprint.py``."""
