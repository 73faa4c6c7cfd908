"""OAuth 2.0 with PKCE: the page on which the shop agrees, and the token endpoint.

Wording and shapes after X's docs, "OAuth 2.0 Authorization Code Flow with PKCE" (read 2026-08).
Redirects go to loopback only: the simulator must not send a browser anywhere else.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from html import escape
from urllib.parse import unquote, urlencode, urlsplit

from flask import Flask, Response, jsonify, request

from rehearsal.x.oauth import TokenError
from rehearsal.x.simulator import Simulator

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Authorise · simulated X</title>
<style>body{{font:16px/1.6 system-ui,sans-serif;max-width:32rem;margin:12vh auto;padding:0 1rem}}
a{{display:inline-block;padding:.6rem 1.4rem;border-radius:2rem;background:#111;color:#fff;
text-decoration:none}}p.sim{{background:#fff3c4;padding:.4rem .8rem;border-radius:.4rem}}</style>
</head><body><p class="sim">Simulation · شبیه‌سازی</p>
<h1>Let the app use <bdi>@{handle}</bdi>?</h1><p>{scope}</p>
<p><a id="approve" href="{href}">Authorise</a></p></body></html>"""


def install(app: Flask, sim: Simulator) -> None:
    @app.get("/i/oauth2/authorize")
    @app.get("/2/oauth2/authorize")
    def authorise() -> Response:
        """Shows what is asked; the link on it agrees."""
        given = request.args
        wrong = _wrong(sim)
        if wrong:
            return Response(wrong, status=400, mimetype="text/plain")
        if given.get("agree") != "yes":
            again = urlencode({**given.to_dict(), "agree": "yes"})
            page = _PAGE.format(
                handle=escape(sim.shop.username),
                scope=escape(given.get("scope", "")),
                href=escape(f"{request.path}?{again}"),
            )
            return Response(page, mimetype="text/html")
        code = sim.tokens.grant_code(
            sim.shop.id, given["redirect_uri"], given["code_challenge"], given.get("scope", "")
        )
        back = urlencode({"state": given.get("state", ""), "code": code})
        joint = "&" if urlsplit(given["redirect_uri"]).query else "?"
        target = f"{given['redirect_uri']}{joint}{back}"
        return Response(status=302, headers={"Location": target})

    @app.post("/2/oauth2/token")
    def token() -> tuple[Response, int]:
        form = request.form
        try:
            _check_client(sim)
            if form.get("grant_type") == "authorization_code":
                answer = sim.tokens.exchange(
                    form.get("code", ""),
                    form.get("redirect_uri", ""),
                    form.get("code_verifier", ""),
                )
            elif form.get("grant_type") == "refresh_token":
                answer = sim.tokens.refresh(form.get("refresh_token", ""))
            else:
                raise TokenError(
                    "unsupported_grant_type", "Value passed for the grant_type was invalid."
                )
        except TokenError as error:
            return jsonify(error.body), error.status
        return jsonify(answer), 200

    @app.post("/2/oauth2/revoke")
    def revoke() -> tuple[Response, int]:
        try:
            _check_client(sim)
        except TokenError as error:
            return jsonify(error.body), error.status
        sim.tokens.revoke(request.form.get("token", ""))
        return jsonify({"revoked": True}), 200


def _wrong(sim: Simulator) -> str:
    """What is wrong with a request to agree; empty when nothing is."""
    given = request.args
    if given.get("client_id") != sim.tokens.app["client_id"]:
        return "unknown client_id"
    if given.get("response_type") != "code" or given.get("code_challenge_method") != "S256":
        return "response_type must be code, code_challenge_method S256"
    if not given.get("code_challenge"):
        return "code_challenge is missing"
    split = urlsplit(given.get("redirect_uri", ""))
    if split.scheme not in ("http", "https") or split.hostname not in _LOOPBACK:
        return "redirect_uri must be on loopback"
    return ""


def _check_client(sim: Simulator) -> None:
    """A confidential client shows its secret (HTTP Basic). Raises ``TokenError``."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    try:
        decoded = base64.b64decode(value, validate=True).decode() if scheme == "Basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        decoded = ""
    client_id, _, secret = (unquote(part) for part in decoded.partition(":"))
    app = sim.tokens.app
    if sim.manners.public_client and request.form.get("client_id") == app["client_id"]:
        return
    if not (
        secrets.compare_digest(client_id, app["client_id"])
        and secrets.compare_digest(secret, app["client_secret"])
    ):
        raise TokenError("unauthorized_client", "Missing valid authorization header", 401)
