"""Who may ask the studio for what: other hosts, other origins, no password, too much; each with one line of why."""

import asyncio
import base64
import json
from typing import Any

import pytest

from clipmatrix.studio.guard import LARGEST_BODY, Guard, TooLargeError
from clipmatrix.studio.uploads import LARGEST_UPLOAD

HOST = "127.0.0.1:7860"


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    headers = [(b"x-frame-options", b"ALLOWALL"), (b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": str(size).encode()})


def _ask(
    guard: Guard, path: str = "/", method: str = "GET", chunks: tuple[bytes, ...] = (b"",), **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer."""
    given = {"host": HOST} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
    }
    parts = list(chunks)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(guard(scope, receive, send))
    start = sent[0]
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], found, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture
def guard() -> Guard:
    return Guard(_echo, "default-src 'none'")


@pytest.mark.parametrize("host", [HOST, "localhost:1", "LOCALHOST", "[::1]:7860", "127.0.0.1"])
def test_this_machine_may_come_in(guard: Guard, host: str) -> None:
    assert _ask(guard, host=host)[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.7:7860", "", "localhost@evil.example", "[", "a:b:c"]
)
def test_other_names_for_this_machine_are_refused(guard: Guard, host: str) -> None:
    status, _, body = _ask(guard, host=host)
    assert status == 403
    assert "does not answer to the name" in json.loads(body)["message"]


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:7860", "http://127.0.0.1:9999", "null"])
def test_other_origins_are_refused(guard: Guard, origin: str) -> None:
    for method in ("POST", "GET"):
        status, _, body = _ask(guard, "/api/jobs", method, origin=origin)
        assert status == 403
        assert "other pages are refused" in json.loads(body)["message"]


def test_its_own_page_may_send(guard: Guard) -> None:
    assert _ask(guard, "/api/jobs", "POST", origin=f"http://{HOST}", sec_fetch_site="same-origin")[0] == 200


def test_pictures_and_scripts_of_other_sites_get_nothing_and_links_work(guard: Guard) -> None:
    assert _ask(guard, "/runs/x/model.glb", sec_fetch_site="cross-site", sec_fetch_mode="no-cors")[0] == 403
    assert _ask(guard, "/api/runs", sec_fetch_site="same-site", sec_fetch_mode="cors")[0] == 403
    assert _ask(guard, "/", sec_fetch_site="cross-site", sec_fetch_mode="navigate")[0] == 200
    assert _ask(guard, "/api/jobs", "POST", sec_fetch_site="cross-site", sec_fetch_mode="navigate")[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/upload",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/component_server",
        "/gradio_api/proxy=http://evil.example",
        "/docs",
        "/openapi.json",
        "/static/x.js",
        "/login",
        "/monitoring",
        "/apix",
        "/theme.css",
        "/gradio_api/heartbeat/../upload",
    ],
)
def test_what_the_web_library_serves_beside_is_not_there(guard: Guard, path: str) -> None:
    assert _ask(guard, path)[0] == 404


def test_too_much_is_refused_by_its_length_and_by_its_bytes(guard: Guard) -> None:
    status, _, body = _ask(guard, "/api/jobs", "POST", content_length=str(LARGEST_BODY + 1))
    assert (status, json.loads(body)["message"]) == (413, "that is too large: 1 MB are the most")
    assert _ask(guard, "/api/uploads", "POST", content_length="2000000000")[0] == 413
    assert _ask(guard, "/api/uploads", "POST", content_length=str(LARGEST_UPLOAD))[0] == 200
    assert _ask(guard, "/api/jobs", "POST", content_length="-1")[0] == 413
    with pytest.raises(TooLargeError):
        _ask(guard, "/api/jobs", "POST", chunks=(b"x" * 600_000, b"x" * 600_000))


def test_answers_carry_the_policy_and_no_other_frame_rule(guard: Guard) -> None:
    for path in ("/", "/nothing-here"):
        headers = _ask(guard, path)[1]
        assert headers["content-security-policy"] == "default-src 'none'"
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"


def _basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipmatrix.studio.guard.SECONDS_AFTER_WRONG", 0.0)
    guard = Guard(_echo, "", "pässword-1", ["studio.example"])
    status, headers, _ = _ask(guard)
    assert status == 401
    assert headers["www-authenticate"].startswith("Basic ")
    wrong = (
        "x",
        _basic("a:other"),
        _basic("pässword-1"),
        "Bearer " + _basic("a:pässword-1")[6:],
        "Basic %%%",
        "Basic /w==",
    )
    for token in wrong:
        assert _ask(guard, authorization=token)[0] == 401, token
    good = _basic("anyone:pässword-1")
    assert _ask(guard, authorization=good)[0] == 200
    # With a password, addresses and the named host are let in, but no made-up name.
    for host, expected in (
        ("192.168.1.7:7860", 200),
        ("studio.example", 200),
        ("[fe80::1]", 200),
        ("evil.example", 403),
    ):
        assert _ask(guard, authorization=good, host=host)[0] == expected


def test_sockets_are_closed(guard: Guard) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(guard({"type": "websocket", "path": "/api/x", "headers": []}, None, send))
    assert [message["type"] for message in sent] == ["websocket.close"]
