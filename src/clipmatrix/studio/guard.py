"""Who may ask the studio for what: hosts, origins, passwords, sizes, and what pages may load; knows no route.

A page of another site that the artist has open must not be able to start jobs here, nor a name that someone else
points at this machine to read from it.
"""

import asyncio
import base64
import binascii
import hmac
import ipaddress
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from clipmatrix.studio.uploads import LARGEST_UPLOAD

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LARGEST_BODY = 1_000_000
SECONDS_AFTER_WRONG = 0.5
_UPLOAD_PATH = "/api/uploads"
_OPEN_PATHS = ("/gradio_api/startup-events",)
_PATHS = re.compile(
    r"/|/favicon\.ico|/(page|viewer|api|runs)/.*|/config"
    r"|/gradio_api/(startup-events|info|queue/(join|data)|heartbeat/[\w-]+|call/\w+(/[\w-]+)?)"
)
"""All that is served: our own pages, and of the web library what its Python client needs to call our functions."""

_SAFE_METHODS = ("GET", "HEAD")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """Lets through what may pass, and answers the rest itself, with one line of why.

    ``hosts`` are names by which the studio may be called beside this machine's own; ``password`` is asked for where
    there is one. ``policy`` is the content security policy of all answers.
    """

    def __init__(self, app: App, policy: str, password: str | None = None, hosts: Sequence[str] = ()) -> None:
        self._app, self._password = app, password
        self.hosts = {*LOOPBACK, *(host.lower() for host in hosts)}
        self._headers = [*_HEADERS, (b"content-security-policy", policy.encode())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, as ASGI asks."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            # Nothing here speaks over sockets.
            await send({"type": "websocket.close", "code": 1008})
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            if refusal[0] == 401 and any(name.lower() == b"authorization" for name, _ in scope["headers"]):
                # Guessing a password one after the other is to take long.
                await asyncio.sleep(SECONDS_AFTER_WRONG)
            await _answer(send, *refusal, self._headers)
            return
        limit = LARGEST_UPLOAD if scope["path"] == _UPLOAD_PATH else LARGEST_BODY
        await self._app(scope, _limited(receive, limit), self._with_headers(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the line to refuse the request with, or None."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if not self._is_host(host):
            return 403, f"this studio does not answer to the name {host[:100]!r}: open it at 127.0.0.1"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return 403, "requests from other pages are refused: use the studio's own page"
        method = scope.get("method", "GET")
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not _is_visit(method, headers):
            return 403, "requests from other pages are refused: use the studio's own page"
        if not _PATHS.fullmatch(scope["path"]):
            return 404, "there is nothing here"
        if self._password is not None and scope["path"] not in _OPEN_PATHS and not self._is_known(headers):
            return 401, "this studio wants its password"
        length = headers.get("content-length", "0")
        limit = LARGEST_UPLOAD if scope["path"] == _UPLOAD_PATH else LARGEST_BODY
        if not length.isdigit() or int(length) > limit:
            return 413, f"that is too large: {limit // 1_000_000} MB are the most"
        return None

    def _is_host(self, header: str) -> bool:
        try:
            name = urlsplit(f"//{header}").hostname or ""
        except ValueError:
            return False
        if name.lower() in self.hosts:
            return True
        if self._password is None:
            return False
        # With a password the studio may be reached by any address of the machine, but by no name that others made up.
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _is_known(self, headers: MutableMapping[str, str]) -> bool:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic" or self._password is None:
            return False
        try:
            _, _, given = base64.b64decode(token, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return False
        return hmac.compare_digest(given.encode(), self._password.encode())

    def _with_headers(self, send: Send) -> Send:
        own = {name for name, _ in self._headers}

        async def sender(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [(name, value) for name, value in message.get("headers", []) if name.lower() not in own]
                message = {**message, "headers": [*kept, *self._headers]}
            await send(message)

        return sender


class TooLargeError(Exception):
    """More came than may."""


def _limited(receive: Receive, limit: int) -> Receive:
    """The same messages, as long as their bodies stay under the limit; a length need not be told beforehand."""
    seen = 0

    async def receiver() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise TooLargeError
        return message

    return receiver


def _is_visit(method: str, headers: MutableMapping[str, str]) -> bool:
    """Whether it is someone following a link to a page, as against a page's script or picture."""
    return method in _SAFE_METHODS and headers.get("sec-fetch-mode") == "navigate"


async def _answer(send: Send, status: int, line: str, headers: list[tuple[bytes, bytes]]) -> None:
    body = json.dumps({"message": line}).encode()
    extra = [(b"www-authenticate", b'Basic realm="ClipMatrix studio", charset="UTF-8"')] if status == 401 else []
    start = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *extra, *headers]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})
