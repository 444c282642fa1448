"""A local page that shows one GLB moving; nothing of it comes from the network, and only this machine can open it.

Knows nothing of runs.
"""

import secrets
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote, urlsplit

from clipmatrix.errors import ExportError

HOST = "127.0.0.1"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_MODEL = "/model.glb"


class Viewer:
    """A server of the page for the GLB at ``model``, which is read anew each time that it is asked for. A context.

    ``port`` 0 takes any that is free.

    Raises:
        ExportError: the port is taken or not allowed.
    """

    def __init__(self, model: Path, title: str, port: int = 0) -> None:
        self._pages = _pages(title)
        self._model = model
        try:
            self._server = ThreadingHTTPServer((HOST, port), self._handler())
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or "no such port"
            raise ExportError(f"port {port} cannot be listened to ({reason}): choose another --port, or 0") from error
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self._server.server_address[1]}/"

    def serve(self) -> None:
        """Answers until ``stop`` is called from another thread, or the process is interrupted."""
        self._server.serve_forever(poll_interval=0.2)

    def stop(self) -> None:
        """Ends ``serve``."""
        self._server.shutdown()

    def __enter__(self) -> "Viewer":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """What is sent for a path: status, kind and content. Only what is listed is there; no path is ever opened."""
        if path == _MODEL:
            try:
                return HTTPStatus.OK, "model/gltf-binary", self._model.read_bytes()
            except OSError:
                return HTTPStatus.NOT_FOUND, "text/plain", b"the model is gone"
        found = self._pages.get(path)
        if found is None:
            return HTTPStatus.NOT_FOUND, "text/plain", b"no such page"
        return HTTPStatus.OK, _KINDS[Path(path).suffix or ".html"], found

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer: Callable[[str], tuple[HTTPStatus, str, bytes]] = self.answer

        class Handler(BaseHTTPRequestHandler):
            """Answers GET and HEAD; a name of another host is refused, so that no foreign page can read along."""

            def do_GET(self) -> None:
                self._send(is_with_body=True)

            def do_HEAD(self) -> None:
                self._send(is_with_body=False)

            def _send(self, is_with_body: bool) -> None:
                host = self.headers.get("Host", "").rpartition(":")[0]
                if host not in (HOST, "localhost"):
                    status, kind, body = HTTPStatus.FORBIDDEN, "text/plain", b"this page is for this machine only"
                else:
                    status, kind, body = answer(unquote(urlsplit(self.path).path))
                nonce = secrets.token_urlsafe(16)
                body = body.replace(b"{{nonce}}", nonce.encode()) if kind.startswith("text/html") else body
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.send_header("X-Content-Type-Options", "nosniff")
                self.send_header("Content-Security-Policy", _policy(nonce))
                self.end_headers()
                if is_with_body:
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing: a page's requests are no news."""

        return Handler


def _policy(nonce: str) -> str:
    # Textures of a GLB become blobs of the page itself.
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; "
        "img-src 'self' blob: data:; connect-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'"
    )


def _pages(title: str) -> dict[str, bytes]:
    """Every file of the page, by the path that it is asked for."""
    root = files("clipmatrix.viewer")
    found: dict[str, bytes] = {"/character_view.js": root.joinpath("character_view.js").read_bytes()}
    for name in ("view.js", "view.css", "icon.svg"):
        found[f"/{name}"] = root.joinpath("page", name).read_bytes()
    for name in (
        "three.module.js",
        "three.core.js",
        "loaders/GLTFLoader.js",
        "controls/OrbitControls.js",
        "utils/BufferGeometryUtils.js",
        "utils/SkeletonUtils.js",
    ):
        found[f"/three/{name}"] = root.joinpath("three", *name.split("/")).read_bytes()
    page = root.joinpath("page", "index.html").read_text(encoding="utf-8")
    found["/"] = page.replace("{{title}}", _escaped(title)).encode()
    return found


def _escaped(text: str) -> str:
    for letter, code in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("{", "&#123;")):
        text = text.replace(letter, code)
    return text
