"""Who may call: HTTP Basic, OAuth2 client credentials, the SAP client, and CSRF tokens that live in a session of two cookies."""

from __future__ import annotations

import argparse
import base64
import binascii
import secrets
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from core.http import Request, Response

TOKEN_PATH = "/sap/bc/sec/oauth2/token"
REALM = "SAP NetWeaver Application Server [SIM/100]"


class NotLoggedOn(Exception):
    """401: the header says how to log on; the body is a page for people, not a document."""

    def __init__(self, challenge: str, text: str = "Logon failed") -> None:
        super().__init__(text)
        self.challenge = challenge

    def response(self) -> Response:
        page = f"<html><head><title>{self}</title></head><body><h1>{self}</h1></body></html>"
        return Response(401, page.encode(), [("content-type", "text/html; charset=utf-8"), ("www-authenticate", self.challenge)])


@dataclass
class Session:
    token: str
    user: str
    ends_at: float
    uses: int = 0  # by modifying requests


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


def _cookies(request: Request) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in request.headers.get("cookie", "").split(";"))
    return {name: value for name, _, value in pairs}


class Sessions:
    def __init__(self, settings: argparse.Namespace) -> None:
        self._settings = settings
        self._tokens: dict[str, tuple[str, float]] = {}  # access token -> user, end
        self._sessions: dict[str, Session] = {}

    # --- logon ------------------------------------------------------------------------------------------------------------------

    def authenticate(self, request: Request, query: dict[str, str]) -> str:
        """The user's name. Raises NotLoggedOn."""
        header = request.headers.get("authorization", "")
        if header.lower().startswith("bearer "):
            user, ends_at = self._tokens.get(header[7:], ("", 0.0))
            if time.time() >= ends_at:
                raise NotLoggedOn(f'Bearer realm="{REALM}", error="invalid_token"', "Access token is invalid or expired")
        elif _basic(header) == (self._settings.user, self._settings.password):
            user = self._settings.user
        else:
            raise NotLoggedOn(f'Basic realm="{REALM}"')
        given = {place["sap-client"] for place in (request.headers, query) if "sap-client" in place}
        if self._settings.sap_client and given != {self._settings.sap_client}:
            raise NotLoggedOn(f'Basic realm="{REALM}"', "Client is not available in this system")
        return user

    def grant(self, request: Request) -> Response:
        """The token endpoint: client credentials by Basic header or as members of the form (RFC 6749)."""
        form_type = "application/x-www-form-urlencoded"
        if request.method != "POST" or not request.headers.get("content-type", "").startswith(form_type):
            return _oauth_error(400, "invalid_request", f"POST a form of type {form_type}")
        form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        encoded = _basic(request.headers.get("authorization", ""))
        header = encoded and (unquote_plus(encoded[0]), unquote_plus(encoded[1]))
        if header and "client_secret" in form:
            return _oauth_error(400, "invalid_request", "only one way of client authentication may be used")
        given = header or (form.get("client_id", ""), form.get("client_secret", ""))
        if given != (self._settings.client_id, self._settings.client_secret):
            return _oauth_error(401, "invalid_client", "client authentication failed")
        if form.get("grant_type") != "client_credentials":
            return _oauth_error(400, "unsupported_grant_type", "grant_type must be client_credentials")
        token = secrets.token_urlsafe(32)
        self._tokens[token] = (self._settings.client_id, time.time() + self._settings.token_seconds)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": int(self._settings.token_seconds)}
        return Response.of_json(200, answer, [("Cache-Control", "no-store")])

    def expire_tokens(self) -> int:
        count = len(self._tokens)
        self._tokens.clear()
        return count

    # --- CSRF -------------------------------------------------------------------------------------------------------------------

    @property
    def _cookie_name(self) -> str:
        return f"SAP_SESSIONID_SIM_{self._settings.sap_client or '100'}"

    def _session(self, request: Request, user: str) -> Session | None:
        """The living session that both cookies of the request belong to."""
        cookies = _cookies(request)
        session = self._sessions.get(cookies.get(self._cookie_name, ""))
        limit = self._settings.session_uses
        if session is None or "sap-usercontext" not in cookies or session.user != user:
            return None
        return session if time.time() < session.ends_at and not 0 < limit <= session.uses else None

    def fetch(self, request: Request, user: str) -> list[tuple[str, str]]:
        """Headers that hand out a token; cookies only with a new session."""
        session = self._session(request, user)
        if session:
            return [("x-csrf-token", session.token)]
        identifier, token = secrets.token_urlsafe(24), base64.b64encode(secrets.token_bytes(16)).decode()
        self._sessions[identifier] = Session(token, user, time.time() + self._settings.session_seconds)
        secure = "; secure" if self._settings.tls_cert else ""
        return [
            ("x-csrf-token", token),
            ("set-cookie", f"sap-usercontext=sap-client={self._settings.sap_client or '100'}; path=/"),
            ("set-cookie", f"{self._cookie_name}={identifier}; path=/{secure}; HttpOnly"),
        ]

    def is_token_valid(self, request: Request, user: str) -> bool:
        session = self._session(request, user)
        if session is None or request.headers.get("x-csrf-token") != session.token:
            return False
        session.uses += 1
        return True

    def expire_sessions(self) -> int:
        count = len(self._sessions)
        self._sessions.clear()
        return count


def _oauth_error(status: int, error: str, description: str) -> Response:
    headers = [("www-authenticate", f'Basic realm="{REALM}"')] if status == 401 else []
    return Response.of_json(status, {"error": error, "error_description": description}, headers)
