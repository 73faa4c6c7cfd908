"""How Meta says no: errors in the shape of the Graph API.

Shape and codes after Meta's pages "Handle Errors" (Graph API), "Error Codes" of the Instagram
Platform (updated 2 June 2026) and of the Messenger Platform (updated 18 March 2026). What those
leave open is as seen in the wild, in public issue threads of 2026: the closed window (403, code
10, subcode 2534022, type ``IGApiException``), a private reply used already (2534025), a person who
is not there or has blocked the account (2534014). HTTP statuses are not promised by Meta: a client
should go by the code.
"""

from __future__ import annotations

from typing import Any

from rehearsal.records import Json

MEANT = "Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api"


class Problem(Exception):
    """A refusal. ``status`` is that of HTTP; ``host_type``: its ``type`` is the name of the host's
    exceptions (``IGApiException`` on graph.instagram.com), unless ``type_`` is given."""

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        *,
        subcode: int | None = None,
        type_: str = "",
        title: str = "",
        user_message: str = "",
        transient: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.subcode = status, code, subcode
        self.type = type_
        self._more: Json = {}
        if transient is not None:
            self._more["is_transient"] = transient
        if title:
            self._more |= {"error_user_title": title, "error_user_msg": user_message}

    def body(self, trace: str, *, facebook: bool = False) -> Json:
        """The JSON that goes out. ``trace``: Meta's name for this request."""
        error: dict[str, Any] = {"message": str(self)}
        error["type"] = self.type or ("OAuthException" if facebook else "IGApiException")
        error["code"] = self.code
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        return {"error": {**error, **self._more, "fbtrace_id": trace}}


# Whose request it is.


def no_token() -> Problem:
    return Problem(
        400, 104, "An access token is required to request this resource.", type_="OAuthException"
    )


def bad_token() -> Problem:
    return Problem(
        400, 190, "Invalid OAuth access token - Cannot parse access token", type_="OAuthException"
    )


def expired(when: str, now: str) -> Problem:
    return Problem(
        400,
        190,
        f"Error validating access token: Session has expired on {when}. The current time is {now}.",
        subcode=463,
        type_="OAuthException",
    )


def password_changed() -> Problem:
    return Problem(
        400,
        190,
        "Error validating access token: The session has been invalidated because the user changed "
        "their password or Facebook has changed the session for security reasons.",
        subcode=460,
        type_="OAuthException",
    )


def app_removed() -> Problem:
    return Problem(
        400,
        190,
        "Error validating access token: The user has not authorized application.",
        subcode=458,
        type_="OAuthException",
    )


def no_permission(scope: str) -> Problem:
    return Problem(
        403,
        10,
        f"(#10) Application does not have permission for this action: {scope}",
        type_="OAuthException",
    )


# What was asked.


def not_found(node: str, method: str = "get") -> Problem:
    return Problem(
        400,
        100,
        f"Unsupported {method} request. Object with ID '{node}' does not exist, cannot be loaded "
        f"due to missing permissions, or does not support this operation. {MEANT}",
        subcode=33,
        type_="GraphMethodException",
    )


def unknown_path(path: str) -> Problem:
    return Problem(400, 2500, f"Unknown path components: /{path}", type_="OAuthException")


def unknown_field(field: str, node_type: str) -> Problem:
    return Problem(
        400, 100, f"(#100) Tried accessing nonexisting field ({field}) on node type ({node_type})"
    )


def syntax(what: str) -> Problem:
    return Problem(400, 2500, f'Syntax error "{what}"', type_="OAuthException")


def parameter(text: str) -> Problem:
    return Problem(400, 100, f"(#100) {text}")


def deleted_message() -> Problem:
    """Older than the twenty newest, or taken back: Meta says that it was deleted ("Get
    Conversations")."""
    return Problem(400, 100, "(#100) The message has been deleted.", subcode=2018001)


def hashtag_limit() -> Problem:
    return Problem(
        400, 18, "(#18) The app user has queried the maximum of 30 unique hashtags within 7 days."
    )


# What may be sent.


def window_closed() -> Problem:
    return Problem(403, 10, "This message is sent outside of allowed window.", subcode=2534022)


def reply_used() -> Problem:
    return Problem(400, 100, "A private reply was sent to this comment already.", subcode=2534025)


def reply_too_late() -> Problem:
    return Problem(
        403,
        10,
        "This message is sent outside of allowed window: the comment is older than 7 days.",
        subcode=2534022,
    )


def nobody() -> Problem:
    """The person is not there, or has blocked the account: Meta does not tell which."""
    return Problem(400, 100, "The requested user cannot be found.", subcode=2534014)


def blocked() -> Problem:
    """The account is held back for what it did (Graph API, "Handle Errors": 368)."""
    return Problem(
        400,
        368,
        "The action attempted has been deemed abusive or is otherwise disallowed",
        subcode=1390008,
        type_="OAuthException",
    )


# Rates and trouble.


def too_many(code: int) -> Problem:
    """4: the app; 17: the person; 613: this interface; 80002: the account (Graph API, "Rate
    Limits")."""
    status, text = {
        4: (403, "(#4) Application request limit reached"),
        17: (400, "(#17) User request limit reached"),
        32: (403, "(#32) Page request limit reached"),
        613: (400, "(#613) Calls to this api have exceeded the rate limit."),
        80002: (
            400,
            "(#80002) There have been too many calls to this Instagram account. Wait a "
            "bit and try again.",
        ),
    }[code]
    return Problem(status, code, text, type_="OAuthException")


def unknown_trouble() -> Problem:
    return Problem(
        500, 1, "An unknown error has occurred.", type_="OAuthException", transient=False
    )


def trouble() -> Problem:
    return Problem(
        500,
        2,
        "An unexpected error has occurred. Please retry your request later.",
        type_="OAuthException",
        transient=True,
    )


# Publishing ("Error Codes", updated 2 June 2026).


def _publishing(code: int, subcode: int, message: str, title: str, user_message: str) -> Problem:
    return Problem(
        400,
        code,
        message,
        subcode=subcode,
        type_="OAuthException",
        title=title,
        user_message=user_message,
        transient=False,
    )


def picture_not_fetched(url: str) -> Problem:
    return _publishing(
        9004,
        2207052,
        "Only photo or video can be accepted as media type.",
        "Media download has failed",
        f"The media could not be fetched from this URI: {url}",
    )


def picture_too_large() -> Problem:
    return _publishing(
        36000,
        2207004,
        "The image size is too large.",
        "Image size too large",
        "The image is too large to download. It should be less than 8 MiB.",
    )


def picture_wrong_kind() -> Problem:
    return _publishing(
        36001,
        2207005,
        "The image format is not supported.",
        "Unsupported image format",
        "The image format is not supported. Please check spec for supported JPEG format.",
    )


def picture_wrong_ratio(ratio: float) -> Problem:
    return _publishing(
        36003,
        2207009,
        "The aspect ratio is not supported.",
        "Invalid aspect ratio",
        f"The submitted image with aspect ratio {ratio:.2f} cannot be published. Please submit an "
        "image with a valid aspect ratio (4:5 to 1.91:1).",
    )


def caption_too_long() -> Problem:
    return _publishing(
        36004,
        2207010,
        "The caption was too long.",
        "Caption too long",
        "The caption was too long. Maximum caption length is 2200 characters, 30 hashtags, and 20 "
        "@ tags.",
    )


def container_gone(container_id: str) -> Problem:
    return _publishing(
        24,
        2207008,
        "The requested resource does not exist",
        "Media builder expired",
        f"The media builder with creation id = {container_id} has been expired or does not exist.",
    )


def not_ready() -> Problem:
    return _publishing(
        9007,
        2207027,
        "Media ID is not available",
        "Media not ready",
        "The media is not ready for publishing, please wait for a moment",
    )


def published_enough() -> Problem:
    return _publishing(
        9,
        2207042,
        "Application request limit reached",
        "Daily limit reached",
        "You reached maximum number of posts that is allowed to be published by Content "
        "Publishing API.",
    )
