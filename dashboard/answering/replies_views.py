"""Saved replies in the settings. Everyone who answers may keep them; the trail tells who did."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from dashboard.answering import replies
from dashboard.answering.places import ASKED, KNOWN, places
from dashboard.answering.replies import ReplyDeed
from dashboard.context import desk
from dashboard.forms import Field, Form, StringField, ValidationError, check_name, trim
from dashboard.i18n import gettext as _
from dashboard.i18n import lazy, ngettext
from dashboard.reader import me
from shenava.store import SavedReply


def _check_shortcut(_form: Form, field: Field) -> None:
    value = field.data or ""
    if not value:
        raise ValidationError(lazy("Please enter a shortcut."))
    if len(value) > replies.SHORTCUT_LIMIT:
        raise ValidationError(lazy("At most 30 characters, please."))
    if not all(letter.isalnum() or letter in "-_\u200c" for letter in value):
        raise ValidationError(lazy("Letters, digits and hyphens only, please."))


def _check_length(_form: Form, field: Field) -> None:
    if len(field.data or "") > replies.TEXT_LIMIT:
        raise ValidationError(lazy("At most 10,000 characters, please."))


def _check_short_name(form: Form, field: Field) -> None:
    check_name(form, field)
    if len(field.data) > replies.NAME_LIMIT:
        raise ValidationError(lazy("At most 100 characters, please."))


def _fold(value: str | None) -> str | None:
    return replies.fold_shortcut(value) if value else value


def _clean(value: str | None) -> str:
    """As it will be sent: line ends of the browser are two signs, those of a text are one."""
    return (value or "").replace("\r\n", "\n").replace("\x00", "").strip()


class ReplyForm(Form):
    name = StringField(filters=[trim], validators=[_check_short_name])
    shortcut = StringField(filters=[_fold], validators=[_check_shortcut])
    text_fa = StringField(filters=[_clean], validators=[_check_length])
    text_ar = StringField(filters=[_clean], validators=[_check_length])
    text_en = StringField(filters=[_clean], validators=[_check_length])

    @property
    def has_text(self) -> bool:
        return any(self[f"text_{language}"].data for language in replies.LANGUAGES)


def index() -> ResponseReturnValue:
    with desk().store.read() as session:
        found = replies.all_replies(session)
    return render_template(
        "answering/replies.html",
        replies=[(reply, replies.texts_of(reply)) for reply in found],
        places=places,
    )


def add() -> ResponseReturnValue:
    return _edit(ReplyForm(), None)


def edit(reply_id: int) -> ResponseReturnValue:
    with desk().store.read() as session:
        reply = session.get(SavedReply, reply_id)
    if reply is None:
        abort(404)
    return _edit(ReplyForm(obj=reply), reply_id)


def _edit(form: ReplyForm, reply_id: int | None) -> ResponseReturnValue:
    if not form.is_submitted():
        return _form(form, reply_id)
    valid = form.validate()
    if not form.has_text:
        form.text_fa.errors = [_("Write it in one language at least.")]
    if not valid or not form.has_text:
        return _form(form, reply_id), 422
    store = desk().store
    with store.write() as session:
        if replies.taken(session, form.shortcut.data, reply_id):
            form.shortcut.errors = [_("Another reply has this shortcut.")]
        else:
            reply = SavedReply() if reply_id is None else session.get(SavedReply, reply_id)
            if reply is None:
                abort(404)
            form.populate_obj(reply)
            reply.changed_by, reply.changed_at = me().id, store.clock.now()
            session.add(reply)
            session.flush()
            replies.note(session, ReplyDeed.SAVED, me().id, store.clock.now(), reply.id)
    if form.shortcut.errors:
        return _form(form, reply_id), 422
    flash(_("Saved."), "good")
    return redirect(url_for("answering.replies"))


def _form(form: ReplyForm, reply_id: int | None) -> str:
    return render_template(
        "answering/reply.html", form=form, reply_id=reply_id, known=KNOWN, asked=ASKED
    )


def delete(reply_id: int) -> ResponseReturnValue:
    store = desk().store
    with store.write() as session:
        replies.remove(session, me().id, reply_id, store.clock.now())
    flash(_("Deleted. What was sent with it stays as it is."), "good")
    return redirect(url_for("answering.replies"))


def examples() -> ResponseReturnValue:
    store = desk().store
    with store.write() as session:
        added = replies.add_examples(session, me().id, store.clock.now())
    if added:
        text = ngettext(
            "%(num)s example was added. Make it yours.",
            "%(num)s examples were added. Make them yours.",
            added,
        )
        flash(text, "good")
    else:
        flash(_("The examples are there already."), "note")
    return redirect(url_for("answering.replies"))
