"""The public pages of the simulated Instagram, as far as instaloader 4.16 reads them.

A reader is led here by sending what it would ask of ``https://www.instagram.com/…`` to
``BASE/_www/…``, and of ``https://i.instagram.com/…`` to ``BASE/_i/…``: by an adapter that is
mounted on *every* ``requests`` session that instaloader makes, for it makes new ones inside
(``copy_session``, ``get_anonymous_session``). Pictures have addresses of this server already. Who
is logged in has the cookie ``sessionid`` of :attr:`Credentials.web_session`, with any
``ds_user_id`` and ``csrftoken``. ``tests/rehearsal/test_instagram_public.py`` does it so.

After the source of instaloader 4.16.0 (``structures.py``, ``instaloadercontext.py``, read
2026-11-22), which names each query by a number: what Instagram's own pages send is nowhere written
down, and changes. Simulated are a profile's page and posts, one post, its comments with their
answers (logged in only), posts in which somebody is tagged, and a hashtag. What may go wrong is
ordered as a fault of ``GET /_www``, ``POST /_www``, ``GET /_i``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from flask import Flask, Response, request

from rehearsal.instagram import ids
from rehearsal.instagram.model import Comment, Media, User
from rehearsal.instagram.simulator import Simulator
from rehearsal.instagram.world import hashtags
from rehearsal.records import Json

PAGE = 12
"""Things in one answer."""

_LSD = "AVqbxe3J_YA"

_T = TypeVar("_T")


def install(app: Flask, sim: Simulator) -> None:
    pages = _Pages(sim)

    @app.get("/_www/")
    def start() -> Response:
        """The start page: the tokens that the web app sends along."""
        html = (
            f'<html><script>["DTSGInitialData",[],{{"token":"NAcO:simulated"}}]'
            f'["LSD",[],{{"token":"{_LSD}"}}]{{"IG_USER_EIMU":"{sim.shop.id}"}}</script></html>'
        )
        out = Response(html, mimetype="text/html")
        out.set_cookie("csrftoken", "simulated")
        return out

    @app.get("/_www/<username>/")
    def profile(username: str) -> Response:
        """A profile's page, with what its queries brought in it."""
        user = sim.world.named(username)
        if user is None:
            return Response("<html>Page Not Found</html>", 404, mimetype="text/html")
        node = pages.profile(user)
        posts = {**node, "polaris_ordered_timeline_connection": pages.timeline(user, {})}
        return _embedding({"xig_user_by_username": node}, {"xig_user_by_username": posts})

    @app.get("/_www/api/v1/users/web_profile_info/")
    def web_profile() -> Response:
        user = sim.world.named(request.args.get("username", ""))
        if user is None:
            return _fail(404, "user not found")
        return _ok({"data": {"user": pages.legacy_profile(user)}})

    @app.post("/_www/graphql/query")
    @app.post("/_www/api/graphql")
    def query() -> Response:
        return pages.answer(request.form.get("doc_id", ""), request.form.get("variables", "{}"))

    @app.get("/_www/graphql/query")
    def older_query() -> Response:
        return pages.answer(request.args.get("query_hash", ""), request.args.get("variables", "{}"))

    @app.get("/_i/api/v1/media/<media_id>/comments/")
    def comments(media_id: str) -> Response:
        return pages.all_comments(media_id)

    @app.get("/_i/api/v1/media/<media_id>/comments/<comment_id>/child_comments/")
    def answers(media_id: str, comment_id: str) -> Response:
        found = sim.world.replies_to(comment_id)
        return _ok({"child_comments": [pages.phone_comment(one) for one in found]})

    @app.get("/_i/api/v1/tags/web_info/")
    def hashtag() -> Response:
        return pages.hashtag(request.args.get("tag_name", ""))


class _Pages:
    """Answers to the queries that instaloader knows by number."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self._queries: dict[str, Callable[[Json], Response]] = {
            "27937681195819736": self._profile_by_id,
            "28904005159232689": self._timeline_anonymous,
            "29104886249145907": self._timeline,
            "27128499623469141": self._post,
            "97b41c52301f77ce508f55e66d17620e": self._comments,
            "51fdd02b67508306ad4484ff574a0b62": self._answers,
            "e31a871f7301132ceaab56507a66bbb7": self._tagged,
            "9b498c08113f1e09617a1703c22b2f32": self._tag_posts,
        }

    def answer(self, number: str, variables: str) -> Response:
        handler = self._queries.get(number)
        try:
            given = json.loads(variables)
        except ValueError:
            given = None
        if handler is None or not isinstance(given, dict):
            return _fail(400, "execution error")
        with self._sim.world.lock:
            return handler(given)

    @property
    def _logged_in(self) -> bool:
        token = self._sim.credentials().web_session
        # The phone's interface carries the cookie in a header of its own.
        bearer = request.headers.get("Authorization", "").startswith("Bearer IGT:2:")
        return request.cookies.get("sessionid") == token or bearer

    # --- profiles and posts -------------------------------------------------------------------

    def profile(self, user: User) -> Json:
        posts = self._posts_of(user)
        return {
            "pk": user.id,
            "id": f"1{user.id}",
            "username": user.username,
            "full_name": user.name,
            "is_private": user.private,
            "biography": user.biography,
            "follower_count": user.followers,
            "following_count": 12,
            "all_media_count": len(posts),
            "media_count": len(posts),
            "is_verified": False,
            "profile_pic_url": f"{self._sim.origin}/_page/avatar/{user.id}.svg",
        }

    def legacy_profile(self, user: User) -> Json:
        posts = self._posts_of(user)
        return {
            **self.profile(user),
            "id": user.id,
            "edge_followed_by": {"count": user.followers},
            "edge_follow": {"count": 12},
            "edge_owner_to_timeline_media": {"count": len(posts)},
        }

    def timeline(self, user: User, given: Json) -> Json:
        return _page(self._posts_of(user), given, lambda one: one.id, self._found)

    def _posts_of(self, user: User) -> list[Media]:
        return [] if user.private else self._sim.world.media_of(user.id)

    def _profile_by_id(self, given: Json) -> Response:
        user = self._sim.world.users.get(str(given.get("id")))
        found = {**self.profile(user), "id": user.id} if user else None
        return _ok({"data": {"user": found}})

    def _timeline_anonymous(self, given: Json) -> Response:
        user = self._sim.world.users.get(str(given.get("id"))[1:])
        if user is None:
            return _fail(400, "execution error")
        node = {"polaris_ordered_timeline_connection": self.timeline(user, given)}
        return _ok({"data": {"node": node}})

    def _timeline(self, given: Json) -> Response:
        user = self._sim.world.named(str(given.get("username")))
        if user is None or not self._logged_in:
            return _login_wanted()
        page = _page(self._posts_of(user), given, lambda one: one.id, self._phone)
        return _ok({"data": {"xdt_api__v1__feed__user_timeline_graphql_connection": page}})

    def _post(self, given: Json) -> Response:
        media = self._by_word(str(given.get("shortcode")))
        items = [self._phone(media)] if media else []
        return _ok({"data": {"xdt_api__v1__media__shortcode__web_info": {"items": items}}})

    def _by_word(self, word: str) -> Media | None:
        found = (one for one in self._sim.world.media.values() if ids.shortcode(one.id) == word)
        media = next(found, None)
        hidden = media is not None and self._sim.world.users[media.owner_id].private
        there = media is not None and self._sim.world.is_there(media) and not media.is_story
        return media if there and not hidden else None

    def _picture(self, media: Media) -> str:
        if not media.picture:
            return ""
        return f"{self._sim.origin}/media/{self._sim.world.pictures[media.picture].file_name}"

    def _found(self, media: Media) -> Json:
        return {"pk": media.id, "id": media.id, "code": ids.shortcode(media.id)}

    def _phone(self, media: Media) -> Json:
        """A post as the apps are given it."""
        owner = self._sim.world.users[media.owner_id]
        tagged = [self._sim.world.users[one] for one in media.tagged]
        return {
            **self._found(media),
            "media_type": 1,
            "taken_at": int(media.created_at.timestamp()),
            "caption": {"text": media.caption} if media.caption else None,
            "title": None,
            "has_liked": False,
            "like_count": media.likes,
            "comment_count": self._sim.world.count_comments(media.id),
            "accessibility_caption": media.alt or None,
            "image_versions2": {"candidates": [{"url": self._picture(media)}]},
            "user": self._phone_user(owner),
            "usertags": {"in": [{"user": {"username": one.username}} for one in tagged]},
        }

    def _phone_user(self, user: User) -> Json:
        return {
            "pk": user.id,
            "id": user.id,
            "username": user.username,
            "full_name": user.name,
            "is_private": user.private,
            "profile_pic_url": f"{self._sim.origin}/_page/avatar/{user.id}.svg",
        }

    def _older(self, media: Media) -> Json:
        """A post as the older queries give it."""
        owner = self._sim.world.users[media.owner_id]
        return {
            "__typename": "GraphImage",
            "id": media.id,
            "shortcode": ids.shortcode(media.id),
            "is_video": False,
            "taken_at_timestamp": int(media.created_at.timestamp()),
            "display_url": self._picture(media),
            "owner": {"id": owner.id, "username": owner.username},
            "edge_media_to_caption": {"edges": [{"node": {"text": media.caption}}]},
            "edge_media_to_comment": {"count": self._sim.world.count_comments(media.id)},
            "edge_media_preview_like": {"count": media.likes},
        }

    def _tagged(self, given: Json) -> Response:
        if not self._logged_in:
            return _login_wanted()
        found = [
            one
            for one in self._sim.world.media_tagged(str(given.get("id")))
            if not self._sim.world.users[one.owner_id].private
        ]
        page = _page(found, given, lambda one: one.id, self._older)
        return _ok({"data": {"user": {"edge_user_to_photos_of_you": page}}})

    def hashtag(self, name: str) -> Response:
        if not self._logged_in:
            return _login_wanted()
        found = self._sim.world.media_with(name)
        if not any(name.lower() in hashtags(one.caption) for one in found):
            return _fail(404, "hashtag not found")
        node = {"id": "17841500000000000", "name": name, "media_count": len(found)}
        return _ok({"data": node})

    def _tag_posts(self, given: Json) -> Response:
        if not self._logged_in:
            return _login_wanted()
        found = self._sim.world.media_with(str(given.get("tag_name")))
        page = _page(found, given, lambda one: one.id, self._older)
        return _ok({"data": {"hashtag": {"edge_hashtag_to_media": page}}})

    # --- comments -----------------------------------------------------------------------------

    def _comments(self, given: Json) -> Response:
        media = self._by_word(str(given.get("shortcode")))
        if media is None or not self._logged_in:
            return _login_wanted()
        page = _page(self._open(media.id), given, lambda one: one.id, self._comment)
        return _ok({"data": {"shortcode_media": {"edge_media_to_parent_comment": page}}})

    def _open(self, media_id: str) -> list[Comment]:
        """Comments that all can see: a hidden one is not among them."""
        return [one for one in self._sim.world.comments_of(media_id) if not one.hidden]

    def _answers(self, given: Json) -> Response:
        if not self._logged_in:
            return _login_wanted()
        found = self._sim.world.replies_to(str(given.get("comment_id")))
        page = _page(found, given, lambda one: one.id, self._bare_comment)
        return _ok({"data": {"comment": {"edge_threaded_comments": page}}})

    def _bare_comment(self, comment: Comment) -> Json:
        author = self._sim.world.users[comment.author_id]
        return {
            "id": comment.id,
            "created_at": int(comment.created_at.timestamp()),
            "text": comment.text,
            "owner": {
                "id": author.id,
                "username": author.username,
                "profile_pic_url": f"{self._sim.origin}/_page/avatar/{author.id}.svg",
            },
            "edge_liked_by": {"count": comment.likes},
        }

    def _comment(self, comment: Comment) -> Json:
        answers = self._sim.world.replies_to(comment.id)
        threaded = _page(answers, {"first": 3}, lambda one: one.id, self._bare_comment)
        return {**self._bare_comment(comment), "edge_threaded_comments": threaded}

    def all_comments(self, media_id: str) -> Response:
        """Comments as the phone's app is given them: what instaloader asks where there are more
        than a page of them."""
        media = self._sim.world.media.get(media_id)
        if media is None or not self._logged_in:
            return _login_wanted()
        found, after = self._open(media_id), request.args.get("min_id", "")
        at = next((n + 1 for n, one in enumerate(found) if one.id == after), 0)
        shown = found[at : at + PAGE]
        body: Json = {"comments": [self.phone_comment(one) for one in shown]}
        if at + PAGE < len(found):
            body["next_min_id"] = shown[-1].id
        return _ok(body)

    def phone_comment(self, comment: Comment) -> Json:
        answers = self._sim.world.replies_to(comment.id)
        return {
            "pk": comment.id,
            "created_at": int(comment.created_at.timestamp()),
            "text": comment.text,
            "comment_like_count": comment.likes,
            "user": self._phone_user(self._sim.world.users[comment.author_id]),
            "child_comment_count": len(answers),
            "preview_child_comments": (
                [self.phone_comment(one) for one in answers] if len(answers) <= 3 else []
            ),
        }


def _page(
    found: Sequence[_T], given: Json, key: Callable[[_T], str], shape: Callable[[_T], Json]
) -> Json:
    """Edges after a cursor, which is the key of the last thing."""
    after, first = given.get("after"), int(given.get("first") or PAGE)
    at = next((n + 1 for n, one in enumerate(found) if key(one) == after), 0)
    shown = found[at : at + first]
    more = at + first < len(found)
    return {
        "count": len(found),
        "edges": [{"node": shape(one)} for one in shown],
        "page_info": {"has_next_page": more, "end_cursor": key(shown[-1]) if more else None},
    }


def _ok(body: Json) -> Response:
    return Response(json.dumps({**body, "status": "ok"}), mimetype="application/json")


def _fail(status: int, message: str, **more: Any) -> Response:
    body = {"message": message, "status": "fail", **more}
    return Response(json.dumps(body), status, mimetype="application/json")


def _login_wanted() -> Response:
    """What Instagram answers to whom it does not serve without an account."""
    return _fail(401, "Please wait a few minutes before you try again.", require_login=True)


def _embedding(*data: Json) -> Response:
    """A page with the results of its queries in it, as Instagram embeds them."""
    require = [["Relay", "next", [], [{"__bbox": {"result": {"data": one}}}]] for one in data]
    content = json.dumps({"require": require}).replace("<", "\\u003c")
    html = f'<html><script type="application/json" data-sjs>{content}</script></html>'
    return Response(html, mimetype="text/html")
