"""The addresses of the studio, asked as a page asks and as an enemy would."""

import io
import json
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient
from tests.studio.run_files import write_run

from clipmatrix.export.reading import read_character
from clipmatrix.studio.jobs import MOST_WAITING
from clipmatrix.studio.studio import Studio

SCRIPT = '<script>alert(1)</script> <img src=x onerror="alert(2)">'


def test_the_page_and_its_files_are_served_with_the_policy(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    for name in ("/page/app.js", "/page/style.css", "/viewer/character_view.js", "/viewer/three/three.module.js"):
        found = client.get(name)
        assert found.status_code == 200
        assert found.headers["content-type"].split(";")[0] in ("text/javascript", "text/css")


def test_nothing_on_the_page_names_another_host() -> None:
    from clipmatrix.studio.routes import PAGE_FOLDER

    for path in PAGE_FOLDER.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text, path
        assert "https:" not in text, path


@pytest.mark.parametrize(
    "path", ["/page/../routes.py", "/page/%2e%2e/routes.py", "/viewer/__init__.py", "/page/none.js"]
)
def test_only_the_files_of_the_page_are_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_form_becomes_a_job_with_its_settings(client: TestClient, studio: Studio) -> None:
    answer = client.post("/api/jobs", json={"prompt": "a zebra", "quality": "draft", "seed": 4, "variations": 3})
    assert answer.status_code == 200
    assert [job["name"] for job in answer.json()["jobs"]] == ["a-zebra-4", "a-zebra-5", "a-zebra-6"]
    jobs = client.get("/api/state").json()["jobs"]
    assert [(job["state"], job["seed"]) for job in jobs] == [("waiting", 4), ("waiting", 5), ("waiting", 6)]
    client.post(f"/api/jobs/{jobs[2]['number']}/first")
    client.post(f"/api/jobs/{jobs[0]['number']}/remove")
    assert [job["seed"] for job in client.get("/api/state").json()["jobs"]] == [6, 5]


@pytest.mark.parametrize(
    ("number", "action", "status", "message"),
    [
        (1, "pause", 404, "is waiting, not running"),
        (1, "resume", 404, "is waiting, not paused"),
        (1, "stop", 404, "is waiting, not running or paused"),
        (99, "remove", 404, "there is no job 99"),
        (1, "explode", 404, "can be paused"),
        ("x", "stop", 422, None),
    ],
)
def test_jobs_that_cannot_be_acted_on(
    client: TestClient, number: object, action: str, status: int, message: str | None
) -> None:
    client.post("/api/jobs", json={"prompt": "a zebra"})
    answer = client.post(f"/api/jobs/{number}/{action}")
    assert answer.status_code == status
    if message is not None:
        assert message in answer.json()["message"]


def test_a_hundred_quick_jobs_are_held_with_a_clear_message(client: TestClient) -> None:
    answers = [client.post("/api/jobs", json={"prompt": "a zebra", "seed": seed}) for seed in range(100)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 100 - MOST_WAITING
    assert refused[0].json()["message"] == (
        f"{MOST_WAITING} jobs wait already, and the queue holds {MOST_WAITING}: let some finish, or remove some"
    )
    assert len(client.get("/api/state").json()["jobs"]) == MOST_WAITING


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"prompt": ""}, "the prompt is empty"),
        ({"recipe": "stepz: 3"}, 'the recipe:1: unknown key "stepz"'),
        ({"recipe": 3}, "recipe must be text"),
        ({"prompt": "a", "variations": 1000}, "variations must be from 1 to 12"),
        ({"prompt": "a", "variations": "4"}, "variations must be from 1 to 12"),
        ({"recipe": "prompts: [{text: a}]\nbody: /etc/passwd"}, "body must be anny or a file that was uploaded"),
        ({"recipe": "prompts: [{image: /etc/hostname}]"}, "image must be a picture beside the studio's recipes"),
        (
            {"recipe": "prompts: [{text: a}]\nparameters: {texture: {start_image: ../../secret.png}}"},
            "image must be a picture beside the studio's recipes",
        ),
        ({"recipe": "prompts: [{text: a}]\nbase: /etc"}, "base must be a run of this studio"),
        ([1], "wanted an object in JSON"),
    ],
)
def test_mistakes_are_one_line(client: TestClient, body: object, message: str) -> None:
    answer = client.post("/api/jobs", json=body)
    assert answer.status_code == 422
    assert message in answer.json()["message"]
    assert client.get("/api/state").json()["jobs"] == []


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000, b""])
def test_bodies_that_are_no_json(client: TestClient, body: bytes) -> None:
    answer = client.post("/api/jobs", content=body)
    assert answer.status_code == 422
    assert answer.json()["message"]


def test_recipes_are_checked_in_place(client: TestClient) -> None:
    bad = client.post("/api/recipe/check", json={"recipe": "prompts:\n  - {text: a man}\nsteps: many"}).json()
    assert bad["mistake"]["line"] == 3
    assert client.post("/api/recipe/check", json={"recipe": "prompts: [{text: a man}]"}).json() == {"mistake": None}


def test_scripts_in_prompts_stay_text(client: TestClient, studio: Studio) -> None:
    write_run(studio.runs, "bad", SCRIPT)
    answer = client.post("/api/jobs", json={"prompt": SCRIPT})
    assert answer.status_code == 200
    for path in ("/api/state", "/api/runs", "/api/runs/bad"):
        found = client.get(path)
        assert found.headers["content-type"] == "application/json"
        assert found.headers["x-content-type-options"] == "nosniff"
    recipe = client.get("/runs/bad/recipe.yaml")
    assert "html" not in recipe.headers["content-type"]
    assert recipe.headers["content-disposition"].startswith("attachment")


def test_runs_are_listed_starred_and_told_of(client: TestClient, studio: Studio) -> None:
    write_run(studio.runs, "zebra", has_files=True)
    write_run(studio.runs, "giant", "a giant", is_done=False)
    (studio.runs / "thesis").mkdir()
    runs = {run["name"]: run for run in client.get("/api/runs").json()["runs"]}
    assert set(runs) == {"zebra", "giant"}
    assert (runs["zebra"]["state"], runs["giant"]["state"]) == ("done", "unfinished")
    assert (runs["zebra"]["title"], runs["zebra"]["is_healthy"]) == ("a zebra striped man", True)
    assert client.post("/api/runs/zebra/star", json={"isStarred": True}).json() == {"isStarred": True}
    details = client.get("/api/runs/zebra").json()
    assert details["isStarred"]
    assert set(details["files"]) == {"model.glb", "albedo.png", "turntable.mp4", "health.json"}
    assert details["command"] == (
        "clipmatrix create 'a zebra striped man' --seed 0 --quality draft --steps 3 --clip fake --start neutral"
    )
    client.post("/api/runs/zebra/star", json={"isStarred": False})
    assert not client.get("/api/runs/zebra").json()["isStarred"]
    assert client.get("/api/runs/zebra/curve?after=1").json() == {"num": 3, "scores": [0.2, 0.3]}


def test_files_are_given_whole_and_in_parts(client: TestClient, studio: Studio, tmp_path: Path) -> None:
    run = write_run(studio.runs, "zebra", has_files=True)
    assert client.get("/runs/zebra/model.glb").content == run.glb_path.read_bytes()
    part = client.get("/runs/zebra/turntable.mp4", headers={"range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")
    given = client.get("/runs/zebra/model.glb?download=true")
    assert given.headers["content-disposition"] == 'attachment; filename="zebra-model.glb"'
    thumb = client.get("/runs/zebra/thumb.jpg")
    assert thumb.content.startswith(b"\xff\xd8")
    archive = zipfile.ZipFile(io.BytesIO(client.get("/runs/zebra/obj.zip").content))
    assert sorted(archive.namelist()) == ["albedo.png", "model.mtl", "model.obj"]
    num_vertices = len(read_character(run.glb_path).character.mesh.vertices)
    lines = archive.read("model.obj").decode().splitlines()
    assert sum(line.startswith("v ") for line in lines) == num_vertices


OUTSIDE = [
    "..",
    "../secret",
    "..%2f..%2fetc",
    "%2e%2e",
    "zebra/../../secret",
    "zebra%2f..%2f..%2fsecret",
    "..\\secret",
    ".studio",
    "%00",
    "link",
    "x" * 5000,
    "/etc",
    "C:\\",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_names_lead_nowhere_but_to_runs(client: TestClient, studio: Studio, tmp_path: Path, name: str) -> None:
    write_run(studio.runs, "zebra", has_files=True)
    write_run(tmp_path, "secret", has_files=True)
    (studio.runs / "link").symlink_to(tmp_path / "secret")
    before = sorted(path for path in tmp_path.rglob("*") if ".studio" not in path.parts)
    for asked in (name, quote(name, safe="")):
        for path in (
            f"/runs/{asked}/model.glb",
            f"/runs/{asked}/thumb.jpg",
            f"/api/runs/{asked}",
            f"/runs/{asked}/obj.zip",
        ):
            assert client.get(path).status_code in (404, 405), path
        for action in ("star", "vary", "continue", "resume"):
            answer = client.post(f"/api/runs/{asked}/{action}", json={"isStarred": True, "variations": 1})
            assert answer.status_code in (404, 405), action
    assert sorted(path for path in tmp_path.rglob("*") if ".studio" not in path.parts) == before
    assert client.get("/api/state").json()["jobs"] == []


@pytest.mark.parametrize("file", ["../config.yaml", "..%2fconfig.yaml", "secret", "link.png", "model.glb%00.png"])
def test_files_outside_the_result_are_not_given(client: TestClient, studio: Studio, tmp_path: Path, file: str) -> None:
    run = write_run(studio.runs, "zebra", has_files=True)
    (tmp_path / "private.png").write_bytes(b"mine")
    run.views_path.symlink_to(tmp_path / "private.png")
    assert client.get(f"/runs/zebra/{file}").status_code == 404
    assert client.get("/runs/zebra/views.png").status_code == 404
    assert client.get("/runs/zebra/preview/..%2f..%2fconfig.yaml").status_code == 404


def test_uploads_are_bodies_of_modest_size_under_our_own_names(client: TestClient, studio: Studio) -> None:
    folder = studio.runs / ".studio" / "uploads"
    answer = client.post("/api/uploads?name=..%2F..%2Fmy%20dog.PLY", content=b"ply\n")
    assert answer.status_code == 200
    path = Path(answer.json()["body"])
    assert path.parent == folder
    assert path.name.startswith("my-dog-")
    assert path.suffix == ".ply"
    assert path.read_bytes() == b"ply\n"
    for name, content, message in (
        ("x.exe", b"MZ", "not 'x.exe'"),
        ("x", b"?", "a body is a .glb"),
        ("x.glb", b"", "is empty"),
    ):
        refused = client.post(f"/api/uploads?name={name}", content=content)
        assert refused.status_code == 422
        assert message in refused.json()["message"]
    assert [item.name for item in folder.iterdir()] == [path.name]


def test_an_upload_without_a_length_is_cut_off_at_the_limit(
    client: TestClient, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipmatrix.studio.uploads.LARGEST_UPLOAD", 1000)
    answer = client.post("/api/uploads?name=x.glb", content=iter([b"x" * 600, b"x" * 600]))
    assert answer.status_code == 422
    assert "larger than" in answer.json()["message"]
    assert list((studio.runs / ".studio" / "uploads").iterdir()) == []
    huge = client.post("/api/uploads?name=x.glb", headers={"content-length": "2147483648"}, content=b"")
    assert huge.status_code == 413


def test_an_uploaded_body_that_is_none_is_one_line(client: TestClient) -> None:
    body = client.post("/api/uploads?name=x.ply", content=b"no mesh").json()["body"]
    answer = client.post("/api/jobs", json={"prompt": "a man", "body": body})
    assert answer.status_code == 422
    assert ".ply" in answer.json()["message"]


def test_refining_queues_runs_like_the_one_that_is_open(client: TestClient, studio: Studio) -> None:
    write_run(studio.runs, "zebra", has_files=True)
    write_run(studio.runs, "zebra-4", seed=4)
    varied = client.post("/api/runs/zebra/vary", json={"variations": 2}).json()["jobs"]
    assert [job["seed"] for job in varied] == [5, 6]
    further = client.post("/api/runs/zebra/continue", json={"prompt": "a leopard", "steps": 9}).json()["jobs"][0]
    job = studio.foreman.queue.get(further["number"])
    assert job is not None
    config = studio.foreman.queue.config_path(job).read_text()
    assert f"base: {studio.runs / 'zebra'}" in config
    assert "steps: 9" in config
    refused = client.post("/api/runs/zebra/resume")
    assert refused.status_code == 422
    assert "no state to go on from" in refused.json()["message"]


def test_options_are_json_and_name_starts_that_work(client: TestClient) -> None:
    options = client.get("/api/options").json()
    assert {"qualities", "regions", "encoders", "starts"} <= set(options)
    for start in options["starts"]:
        body = start["form"] or {"recipe": start["recipe"]}
        answer = client.post("/api/jobs", json=body)
        assert answer.status_code == 200, json.dumps(answer.json())
