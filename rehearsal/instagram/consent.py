"""Business Login for Instagram: the page on which the shop agrees, and what changes codes and
tokens.

After Meta's "Business Login for Instagram" (read 2026-11). In the real world the first address is
of www.instagram.com, the second of api.instagram.com, the last two of graph.instagram.com.
Redirects go to loopback only: the simulator must not send a browser anywhere else. Meta puts
``#_`` at the end of the address it sends the browser back to, and so does this.
"""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, request

from rehearsal.instagram import problems
from rehearsal.instagram.oauth import SCOPES, CodeError
from rehearsal.instagram.simulator import Simulator, respond

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Allow · simulated Instagram</title>
<style>body{{font:16px/1.6 system-ui,sans-serif;max-width:32rem;margin:12vh auto;padding:0 1rem}}
a{{display:inline-block;padding:.6rem 1.4rem;border-radius:.6rem;background:#0b5fc7;color:#fff;
text-decoration:none}}p.sim{{background:#fff3c4;padding:.4rem .8rem;border-radius:.4rem}}</style>
</head><body><p class="sim">Simulation · شبیه‌سازی</p>
<h1>Let the app use <bdi>@{handle}</bdi>?</h1><ul>{scopes}</ul>
<p><a id="approve" href="{yes}">Allow</a> &nbsp; <a id="refuse" href="{no}">Cancel</a></p>
</body></html>"""


def install(app: Flask, sim: Simulator) -> None:
    @app.get("/oauth/authorize")
    def authorise() -> Response:
        """Shows what is asked; one link on it agrees, the other does not."""
        given = request.args
        wrong = _wrong(sim)
        if wrong:
            return Response(wrong, status=400, mimetype="text/plain")
        back, state = given["redirect_uri"], given.get("state", "")
        if given.get("agree") == "no":
            return _sent_back(
                back,
                error="access_denied",
                error_reason="user_denied",
                error_description="The user denied your request",
                state=state,
            )
        if given.get("agree") == "yes":
            code = sim.tokens.grant_code(back, _scopes(given["scope"]))
            return _sent_back(back, code=code, state=state)
        links = {
            word: f"{request.path}?{urlencode({**given.to_dict(), 'agree': word})}"
            for word in ("yes", "no")
        }
        page = _PAGE.format(
            handle=escape(sim.shop.username),
            scopes="".join(f"<li>{escape(one)}</li>" for one in _scopes(given["scope"])),
            yes=escape(links["yes"]),
            no=escape(links["no"]),
        )
        return Response(page, mimetype="text/html")

    @app.post("/oauth/access_token")
    def exchange() -> Response:
        try:
            body = sim.tokens.exchange_code(request.form.to_dict())
        except CodeError as error:
            return respond(error.body, 400, {})
        if sim.manners.wrapped:
            body = {"data": [{**body, "permissions": ",".join(body["permissions"])}]}
        return respond(body, 200, {})

    @app.get("/access_token")
    @app.get("/<version>/access_token")
    def lengthen(version: str = "") -> Response:
        return _token("ig_exchange_token")

    @app.get("/refresh_access_token")
    @app.get("/<version>/refresh_access_token")
    def renew(version: str = "") -> Response:
        return _token("ig_refresh_token")

    def _token(grant: str) -> Response:
        given = request.args
        try:
            if given.get("grant_type") != grant:
                raise problems.parameter(f"The parameter grant_type must be {grant}")
            token = given.get("access_token", "")
            if grant == "ig_exchange_token":
                body = sim.tokens.exchange_short(token, given.get("client_secret", ""))
            else:
                body = sim.tokens.renew(token)
        except problems.Problem as problem:
            return respond(problem.body("AToken"), problem.status, {})
        return respond(body, 200, {})


def _scopes(text: str) -> list[str]:
    return [one for one in text.replace(" ", ",").split(",") if one]


def _sent_back(address: str, **more: str) -> Response:
    joint = "&" if urlsplit(address).query else "?"
    given = urlencode({name: value for name, value in more.items() if value})
    return Response(status=302, headers={"Location": f"{address}{joint}{given}#_"})


def _wrong(sim: Simulator) -> str:
    """What is wrong with a request to agree; empty when nothing is."""
    given = request.args
    if given.get("client_id") != sim.tokens.app["app_id"]:
        return "Invalid platform app: unknown client_id"
    if given.get("response_type") != "code":
        return "response_type must be code"
    scopes = _scopes(given.get("scope", ""))
    if not scopes or not set(scopes) <= set(SCOPES):
        return "Invalid scopes"
    split = urlsplit(given.get("redirect_uri", ""))
    if split.scheme not in ("http", "https") or split.hostname not in _LOOPBACK:
        return "Invalid redirect_uri: it must be on loopback"
    return ""
