"""The static gallery: plain files, of runs only, built again at little cost; a prompt is never part of the page."""

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.studio.run_files import write_run

from clipmatrix.cli.app import run as run_command
from clipmatrix.errors import RunError
from clipmatrix.gallery.site import SiteConfig, build_site
from clipmatrix.runs.directory import Run

SCRIPT = "</script><script>alert(1)</script>\u2028<b>"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two runs with results, one without, and something else."""
    write_run(tmp_path / "runs", "zebra-0", has_files=True)
    write_run(tmp_path / "runs", "böse #1 %2e?", SCRIPT, has_files=True)
    write_run(tmp_path / "runs", "cut", is_done=False)
    (tmp_path / "runs" / "other").mkdir()
    return tmp_path / "runs"


def _records(site: Path) -> list[dict]:
    text = (site / "runs.js").read_text(encoding="ascii")
    return json.loads(re.fullmatch(r"window\.clipmatrixRuns = (.*);\n", text)[1])  # type: ignore[index]


def test_it_carries_films_models_recipes_and_pictures(runs: Path, tmp_path: Path) -> None:
    site = build_site(runs, tmp_path / "site", SiteConfig())
    assert site.num_runs == 2
    records = {record["name"]: record for record in _records(tmp_path / "site")}
    assert set(records) == {"zebra-0", "böse #1 %2e?"}
    assert records["zebra-0"]["files"] == ["film.mp4", "model.glb", "recipe.yaml", "thumb.jpg"]
    for name in records:
        folder = tmp_path / "site" / "runs" / name
        assert (folder / "model.glb").read_bytes() == Run(runs / name).glb_path.read_bytes()
        assert (folder / "recipe.yaml").read_bytes() == Run(runs / name).config_path.read_bytes()
        assert (folder / "thumb.jpg").read_bytes().startswith(b"\xff\xd8")
    assert (tmp_path / "site" / "viewer" / "three" / "LICENSE").is_file()
    assert not list((tmp_path / "site").rglob("*.py"))


def test_prompts_are_text_and_nothing_comes_from_elsewhere(runs: Path, tmp_path: Path) -> None:
    build_site(runs, tmp_path / "site", SiteConfig(title='<img src=x> & "us"'))
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "<img src=x>" not in page
    assert "&lt;img src=x&gt; &amp; &quot;us&quot;" in page
    data = (tmp_path / "site" / "runs.js").read_text(encoding="utf-8")
    assert "<" not in data
    assert SCRIPT in [record["title"] for record in _records(tmp_path / "site")]
    for name in ("index.html", "gallery.js", "gallery.css", "model.js"):
        assert not re.search(r"https?:|//[a-z]+\.", (tmp_path / "site" / name).read_text(encoding="utf-8"))


def test_built_again_it_copies_what_changed_and_forgets_what_is_gone(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    first = build_site(runs, out, SiteConfig())
    assert first.num_copied == 8
    assert build_site(runs, out, SiteConfig()).num_copied == 0
    shutil.copyfile(runs / "zebra-0" / "config.yaml", runs / "zebra-0" / "x")
    (runs / "zebra-0" / "config.yaml").write_text("seed: 5\n")
    (runs / "zebra-0" / "x").unlink()
    assert build_site(runs, out, SiteConfig()).num_copied == 1
    shutil.rmtree(runs / "zebra-0")
    assert build_site(runs, out, SiteConfig()).num_runs == 1
    assert not (out / "runs" / "zebra-0").exists()


def test_models_can_be_left_out(runs: Path, tmp_path: Path) -> None:
    build_site(runs, tmp_path / "site", SiteConfig(has_models=False))
    assert not list((tmp_path / "site").rglob("*.glb"))
    assert not (tmp_path / "site" / "viewer").exists()


def test_other_folders_are_left_alone(runs: Path, tmp_path: Path) -> None:
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter.tex").write_text("mine")
    with pytest.raises(RunError, match="holds files that are no gallery"):
        build_site(runs, thesis, SiteConfig())
    assert [path.name for path in thesis.iterdir()] == ["chapter.tex"]
    with pytest.raises(RunError, match="is a file"):
        build_site(runs, thesis / "chapter.tex", SiteConfig())


def test_the_command_says_where_it_is_and_mistakes_are_one_line(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["gallery", str(runs), "--out", str(tmp_path / "site")]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["runs", "2"]
    (tmp_path / "empty").mkdir()
    for folder, message in (("empty", "holds no finished run"), ("nowhere", "is no folder")):
        assert run_command(["gallery", str(tmp_path / folder), "--out", str(tmp_path / "site2")]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "site2").exists()


def test_results_that_are_removed_or_added_are_seen_though_their_logs_say_nothing(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    assert build_site(runs, out, SiteConfig()).num_runs == 2
    shutil.move(runs / "zebra-0" / "result", runs / "cut" / "moved")
    assert build_site(runs, out, SiteConfig()).num_runs == 1
    shutil.move(runs / "cut" / "moved", runs / "zebra-0" / "result")
    assert build_site(runs, out, SiteConfig()).num_runs == 2
