"""``view``: a page for this machine alone, with nothing on it but what is listed."""

import re
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from tests.cli.motion_run import build_motion_run

from clipmatrix.cli import view as view_module
from clipmatrix.cli.app import run
from clipmatrix.errors import ExportError
from clipmatrix.viewer.server import HOST, Viewer


@pytest.fixture
def viewer(tmp_path: Path) -> Iterator[Viewer]:
    (tmp_path / "secret.txt").write_text("secret")
    made = build_motion_run(tmp_path / "run")
    with Viewer(made.glb_path, 'a <b>"figure"</b>') as server:
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        yield server
        server.stop()
        thread.join()


def _get(viewer: Viewer, path: str, host: str | None = None, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    port = int(viewer.url.rstrip("/").rpartition(":")[2])
    connection = HTTPConnection(HOST, port, timeout=10)
    connection.request(method, path, headers={"Host": host or f"{HOST}:{port}"})
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


def test_the_page_and_all_that_it_names_are_there(viewer: Viewer) -> None:
    status, headers, page = _get(viewer, "/")
    assert status == 200
    names = re.findall(r'(?:href|src)="([^"]+)"', page.decode())
    assert {"view.js", "view.css", "icon.svg", "model.glb"} <= set(names)
    scripts = ["/view.js", "/character_view.js", "/three/loaders/GLTFLoader.js", "/three/three.module.js"]
    asked = [f"/{name}" for name in names] + scripts
    for path in asked:
        status, _, body = _get(viewer, path)
        assert status == 200
        for name in re.findall(r"from '(\.[^']+)'", body.decode(errors="ignore")):
            place = (Path(path).parent / name).as_posix()
            assert _get(viewer, re.sub(r"[^/]+/\.\./", "", place))[0] == 200, place
    nonce = re.search(r'nonce="([^"]+)"', page.decode())
    assert nonce
    assert f"'nonce-{nonce[1]}'" in headers["Content-Security-Policy"]
    assert "http" not in re.sub(r"<script.*?</script>", "", page.decode())


def test_titles_are_text(viewer: Viewer) -> None:
    page = _get(viewer, "/")[2].decode()
    assert "a &lt;b&gt;&quot;figure&quot;&lt;/b&gt;" in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    "path", ["/secret.txt", "/../secret.txt", "/%2e%2e/secret.txt", "/three/../../../secret.txt", "//etc/passwd", "/x"]
)
def test_nothing_else_is_served(viewer: Viewer, path: str) -> None:
    assert _get(viewer, path)[0] == 404


def test_other_hosts_names_are_refused(viewer: Viewer) -> None:
    for path in ("/", "/model.glb"):
        status, _, body = _get(viewer, path, "evil.example:80")
        assert status == 403
        assert b"this machine only" in body
    assert _get(viewer, "/", method="HEAD")[2] == b""
    assert _get(viewer, "/", method="POST")[0] == 501


def test_a_model_that_changes_is_shown_as_it_is(viewer: Viewer, tmp_path: Path) -> None:
    model = tmp_path / "run" / "result" / "model.glb"
    assert _get(viewer, "/model.glb")[2] == model.read_bytes()
    model.write_bytes(b"new")
    assert _get(viewer, "/model.glb")[2] == b"new"
    model.unlink()
    assert _get(viewer, "/model.glb")[0] == 404


def test_a_port_that_is_taken_is_one_line(viewer: Viewer, tmp_path: Path) -> None:
    port = int(viewer.url.rstrip("/").rpartition(":")[2])
    with pytest.raises(ExportError, match=f"port {port} cannot be listened to"):
        Viewer(tmp_path / "a.glb", "a", port)


def test_the_command_opens_the_page_and_ends_with_ctrl_c(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_motion_run(tmp_path / "run")
    opened: list[str] = []

    def interrupt(self: Viewer) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(view_module.webbrowser, "open", opened.append)
    monkeypatch.setattr(Viewer, "serve", interrupt)
    for arguments, num in (([], 1), (["--no-open"], 1)):
        assert run(["view", str(tmp_path / "run"), *arguments]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == "stopped"
        assert len(opened) == num
    assert opened[0].startswith(f"http://{HOST}:")


def test_what_cannot_be_viewed_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    made = build_motion_run(tmp_path / "run")
    (tmp_path / "text.glb").write_text("hello")
    for path, said in ((tmp_path / "none", "no folder"), (tmp_path / "text.glb", "no sound GLB")):
        assert run(["view", str(path)]) == 2
        err = capsys.readouterr().err
        assert said in err
        assert len(err.splitlines()) == 1
    made.glb_path.unlink()
    assert run(["view", str(made.path)]) == 2
    assert "let the run finish first" in capsys.readouterr().err
