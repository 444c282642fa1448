"""The addresses of the studio, each a thin call of what it can do; knows nothing of how that is done."""

import hashlib
import json
import mimetypes
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from re import DOTALL, findall
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool

import clipmatrix
from clipmatrix.errors import ClipMatrixError, ConfigError, RunError
from clipmatrix.studio.guard import TooLargeError
from clipmatrix.studio.jobs import QueueFullError
from clipmatrix.studio.shelf import pack_obj
from clipmatrix.studio.studio import Studio

PAGE_FOLDER = Path(__file__).parent / "page"
VIEWER_FOLDER = Path(clipmatrix.__file__).parent / "viewer"
_KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""What the system says of endings differs from machine to machine, and a browser runs no script of another kind."""

_FRESH = {"cache-control": "no-cache"}
_NEVER_KEPT = {"cache-control": "no-store"}


def content_policy() -> str:
    """What the page may load: from here alone, with the one script that stands in it named by its hash."""
    scripts = findall(r'<script type="importmap">(.*?)</script>', _page_text(), DOTALL)
    hashes = " ".join(f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts)
    return (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self'; img-src 'self' blob: data:; "
        "media-src 'self'; font-src 'self'; connect-src 'self' blob: data:; manifest-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def install(app: FastAPI, studio: Studio) -> None:
    """Adds all addresses to the app, and makes errors into one line of JSON."""
    app.include_router(_pages())
    app.include_router(_jobs(studio), prefix="/api")
    app.include_router(_runs(studio), prefix="/api")
    app.include_router(_files(studio), prefix="/runs")
    app.add_exception_handler(ClipMatrixError, _mistake)
    app.add_exception_handler(TooLargeError, _too_large)


async def _mistake(_request: Request, error: Exception) -> Response:
    status = 429 if isinstance(error, QueueFullError) else 404 if isinstance(error, RunError) else 422
    return JSONResponse({"message": " ".join(str(error).split())}, status)


async def _too_large(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"message": "that is too large"}, 413)


async def _form(request: Request) -> dict[str, Any]:
    """The body of a request, an object in JSON."""
    try:
        body = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError) as error:
        raise ConfigError("wanted an object in JSON: use the studio's own page") from error
    if not isinstance(body, dict):
        raise ConfigError("wanted an object in JSON: use the studio's own page")
    return body


Form = Annotated[dict[str, Any], Depends(_form)]


def _page_text() -> str:
    return (PAGE_FOLDER / "index.html").read_text(encoding="utf-8")


def _known_files(folder: Path) -> Mapping[str, Path]:
    """The files of a folder of the package by their relative names: others cannot be asked for."""
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def _pages() -> APIRouter:
    router = APIRouter()
    page_files, viewer_files = _known_files(PAGE_FOLDER), _known_files(VIEWER_FOLDER)

    @router.get("/")
    def page() -> Response:
        return Response(_page_text(), media_type="text/html; charset=utf-8", headers=_FRESH)

    @router.get("/favicon.ico")
    def icon() -> Response:
        return FileResponse(PAGE_FOLDER / "icon.svg", media_type="image/svg+xml", headers=_FRESH)

    @router.get("/page/{name:path}")
    def page_file(name: str) -> Response:
        return _asset(page_files.get(name))

    @router.get("/viewer/{name:path}")
    def viewer_file(name: str) -> Response:
        return _asset(viewer_files.get(name))

    return router


def _asset(path: Path | None) -> Response:
    if path is None or path.suffix == ".py":
        raise RunError("there is nothing here")
    kind = _KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return FileResponse(path, media_type=kind, headers=_FRESH)


def _jobs(studio: Studio) -> APIRouter:
    router = APIRouter()

    @router.get("/options")
    def options() -> Any:
        return studio.options()

    @router.get("/starts/{index}")
    def start(index: int) -> Response:
        return FileResponse(studio.start_picture(index), headers=_FRESH)

    @router.get("/state")
    def state() -> Response:
        return JSONResponse(studio.state(), headers=_NEVER_KEPT)

    @router.post("/jobs")
    def submit(form: Form) -> Any:
        return {"jobs": studio.submit(form)}

    @router.post("/jobs/{number}/{action}")
    def act(number: int, action: str) -> Any:
        match action:
            case "pause":
                studio.foreman.pause(number)
            case "resume":
                studio.foreman.go_on(number)
            case "stop":
                studio.foreman.stop(number)
            case "first":
                studio.foreman.put_first(number)
            case "remove":
                studio.foreman.remove(number)
            case _:
                raise RunError("a job can be paused, resumed, stopped, put first or removed")
        return studio.state()

    @router.post("/recipe/check")
    def check(form: Form) -> Any:
        text = form.get("recipe")
        mistake = studio.check(text if isinstance(text, str) else "")
        return {"mistake": None if mistake is None else {"line": mistake.line, "message": mistake.message}}

    @router.post("/uploads")
    async def upload(request: Request, name: str) -> Any:
        return {"body": await studio.uploads.take(name, request.stream())}

    return router


def _runs(studio: Studio) -> APIRouter:
    router = APIRouter()

    @router.get("/runs")
    def runs() -> Response:
        return JSONResponse({"runs": studio.shelf.records()}, headers=_NEVER_KEPT)

    @router.get("/runs/{name}")
    def details(name: str) -> Response:
        return JSONResponse(studio.shelf.details(name), headers=_NEVER_KEPT)

    @router.get("/runs/{name}/curve")
    def curve(name: str, after: int = 0) -> Response:
        return JSONResponse(studio.curve(name, after), headers=_NEVER_KEPT)

    @router.post("/runs/{name}/star")
    def star(name: str, form: Form) -> Any:
        studio.shelf.star(name, form.get("isStarred") is True)
        return {"isStarred": form.get("isStarred") is True}

    @router.post("/runs/{name}/vary")
    def vary(name: str, form: Form) -> Any:
        num = form.get("variations")
        return {"jobs": studio.vary(name, num if isinstance(num, int) else -1)}

    @router.post("/runs/{name}/continue")
    def go_on(name: str, form: Form) -> Any:
        return {"jobs": studio.go_on_from(name, form)}

    @router.post("/runs/{name}/resume")
    def resume(name: str) -> Any:
        return {"jobs": [studio.resume(name)]}

    return router


def _files(studio: Studio) -> APIRouter:
    router = APIRouter()
    shelf = studio.shelf

    @router.get("/{name}/thumb.jpg")
    def thumb(name: str) -> Response:
        data = shelf.thumb(name)
        if data is None:
            # No mistake: a run that still searches has nothing to show.
            return Response(status_code=204)
        return Response(data, media_type="image/jpeg", headers=_FRESH)

    @router.get("/{name}/preview/{step}")
    def preview(name: str, step: str) -> Response:
        path = shelf.preview(name, step)
        return FileResponse(path, headers=_NEVER_KEPT if step == "live" else _FRESH)

    @router.get("/{name}/obj.zip")
    async def obj(name: str) -> Response:
        run = shelf.library.open(name)
        data = await run_in_threadpool(pack_obj, run)
        return Response(data, media_type="application/zip", headers=_attachment(f"{name}-obj.zip"))

    @router.get("/{name}/recipe.yaml")
    def recipe(name: str) -> Response:
        path = shelf.library.open(name).config_path
        return FileResponse(path, media_type="application/yaml", headers=_FRESH, filename=f"{name}.yaml")

    @router.get("/{name}/{file}")
    def result(name: str, file: str, download: bool = False) -> Response:
        path, kind = shelf.file(name, file)
        filename = f"{name}-{file}" if download else None
        return FileResponse(path, media_type=kind, headers=_FRESH, filename=filename)

    return router


def _attachment(filename: str) -> dict[str, str]:
    # Names of runs are letters and digits of any script: the old form of the header takes ASCII alone.
    plain = filename.encode("ascii", "replace").decode().replace('"', "_").replace("?", "_")
    return {"content-disposition": f'attachment; filename="{plain}"', **_FRESH}
