"""Places to start from: recipes in a folder, with the pictures beside them, before our own."""

from pathlib import Path

from starlette.testclient import TestClient

from clipmatrix.studio.starts import start_record, starts
from clipmatrix.studio.studio import Studio


def test_recipes_come_first_and_broken_ones_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "two_heads.yaml").write_text("prompts: [{text: a giant}, {text: a red head, region: head}]")
    (tmp_path / "two_heads.jpg").write_bytes(b"jpeg")
    (tmp_path / "broken.yaml").write_text("promtps: []")
    (tmp_path / "large.yaml").write_text("#" * 200_000)
    found = starts([tmp_path / "none", tmp_path])
    assert (found[0].title, found[0].note) == ("Two heads", "a giant; a red head")
    assert found[0].picture == tmp_path / "two_heads.jpg"
    assert [start.recipe is None for start in found[:2]] == [False, True]
    assert start_record(found[0], 0)["picture"] == "/api/starts/0"


def test_pictures_are_given_by_number_alone(client: TestClient, studio: Studio) -> None:
    folder = studio.runs / "recipes"
    folder.mkdir()
    (folder / "giant.yaml").write_text("prompts: [{text: a giant}]")
    (folder / "giant.png").write_bytes(b"\x89PNG")
    options = client.get("/api/options").json()
    assert options["starts"][0]["title"] == "Giant"
    assert client.get(options["starts"][0]["picture"]).content == b"\x89PNG"
    for index in ("99", "-1", "x", "..%2f0"):
        assert client.get(f"/api/starts/{index}").status_code in (404, 422)


def test_a_recipe_may_show_a_picture_that_lies_beside_it(studio: Studio) -> None:
    folder = studio.runs / "recipes"
    (folder / "pictures").mkdir(parents=True)
    (folder / "pictures" / "lava.jpg").write_bytes(b"jpeg")
    text = "prompts: [{image: pictures/lava.jpg}]"
    (folder / "from_a_picture.yaml").write_text(text)
    assert studio.starts()[0].note == "picture lava"
    assert studio.check(text) is None
    assert studio.check("prompts: [{image: pictures/../../../lava.jpg}]") is not None
    (job,) = studio.submit({"recipe": text})
    assert job["title"] == "picture lava"
