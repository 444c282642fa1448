"""``animate`` and ``render``: files, lines and exit codes."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from tests.cli.motion_run import build_motion_run
from tests.glb_reader import read_glb
from tests.motion.motion_files import turns, write_amass, write_bvh

from clipmatrix.cli.app import run
from clipmatrix.runs.directory import Run


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return build_motion_run(tmp_path / "run")


def _clip_names(made: Run) -> list[str]:
    return [animation["name"] for animation in read_glb(made.glb_path.read_bytes()).document["animations"]]


def test_a_motion_file_becomes_a_clip_and_a_film(capsys: pytest.CaptureFixture[str], made: Run) -> None:
    write_bvh(Path("raise.bvh"), turns(31, LeftArm=("z", 80.0)))
    assert run(["animate", "run", "--motion", "raise.bvh", "--name", "Raise it", "--size", "48"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()] == ["clip", "model", "film"]
    assert "Tail" not in out
    assert err
    assert _clip_names(made) == ["walk", "wave", "Raise it"]
    with av.open(str(made.result_path / "raise-it.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert frames[0].shape == (48, 48, 3)
    assert len(frames) == 12
    assert np.abs(frames[-1].astype(int) - frames[0]).max() > 60


def test_the_facial_actions_survive_a_new_clip(made: Run) -> None:
    before = read_glb(made.glb_path.read_bytes()).document["meshes"]
    write_bvh(Path("a.bvh"), turns(31, LeftArm=("z", 80.0)))
    assert run(["animate", "run", "--motion", "a.bvh", "--size", "0"]) == 0
    assert read_glb(made.glb_path.read_bytes()).document["meshes"] == before
    assert not list(made.result_path.glob("*.mp4"))


def test_amass_files_move_it_too(made: Run) -> None:
    poses = np.zeros((40, 66))
    poses[:, 0], poses[:, 3 * 17 + 2] = np.pi / 2, np.linspace(0, 1, 40)
    write_amass(Path("a.npz"), poses)
    arguments = ["--motion", "a.npz", "--start", "0.1", "--seconds", "0.4", "--loop", "--in-place", "--free-feet"]
    assert run(["animate", "run", *arguments, "--size", "0"]) == 0
    assert _clip_names(made)[-1] == "a"


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        (None, [], "there is no file"),
        ("HIERARCHY\nROOT Hips\n{\n", [], "a.bvh"),
        ("nonsense", [], "a.bvh"),
        ("whole", ["--start", "99"], "99"),
        ("whole", ["--fps", "0"], "from 1 to 240"),
        ("whole", ["--size", "5"], "from 16 to 4096"),
        ("whole", ["--take", "x"], "--take"),
        ("whole", ["--name", " "], "--name"),
        ("whole", ["--name", "turntable"], "turntable.mp4 is taken"),
    ],
)
def test_what_cannot_be_animated_is_one_line_and_leaves_the_model(
    capsys: pytest.CaptureFixture[str], made: Run, text: str | None, arguments: list[str], said: str
) -> None:
    before = made.glb_path.read_bytes()
    if text == "whole":
        write_bvh(Path("a.bvh"), turns(31, LeftArm=("z", 80.0)))
    elif text is not None:
        Path("a.bvh").write_text(text)
    assert run(["animate", "run", "--motion", "a.bvh", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert said in err
    assert made.glb_path.read_bytes() == before
    assert [path.name for path in made.result_path.iterdir()] == ["model.glb"]


@pytest.mark.parametrize(
    ("arguments", "name", "size"),
    [
        (["still", "--clip", "wave", "--time", "1", "--size", "64x48", "--ground"], "still-wave.png", (64, 48)),
        (["still", "--size", "32", "--supersample", "3", "--out", "a.webp", "--transparent"], "a.webp", (32, 32)),
        (["sheet", "--clip", "walk", "--size", "32", "--supersample", "1"], "sheet-walk.png", None),
        (["sheet", "--size", "32"], "sheet.png", None),
        (["still", "--size", "32", "--face", "jawOpen=0.8", "--face", "browInnerUp"], "still.png", (32, 32)),
    ],
)
def test_pictures(made: Run, arguments: list[str], name: str, size: tuple[int, int] | None) -> None:
    assert run(["render", "run", *arguments]) == 0
    path = Path(name) if Path(name).exists() else made.result_path / name
    with Image.open(path) as picture:
        assert size is None or picture.size == size
        assert np.asarray(picture.convert("RGB")).std() > 10


@pytest.mark.parametrize(
    ("arguments", "name", "num"),
    [
        (["--seconds", "0.5", "--size", "32", "--fps", "12"], "turntable.mp4", 6),
        (["clip", "--clip", "walk", "--seconds", "0.5", "--size", "32", "--transparent"], "clip-walk.webm", None),
        (["poses", "--clip", "wave", "--seconds", "0.5", "--size", "32x48", "--out", "a.gif"], "a.gif", None),
    ],
)
def test_films(made: Run, arguments: list[str], name: str, num: int | None) -> None:
    assert run(["render", "run", *arguments]) == 0
    path = Path(name) if Path(name).exists() else made.result_path / name
    with av.open(str(path)) as film:
        frames = list(film.decode(video=0))
    assert len(frames) == num if num else len(frames) > 3


def test_a_folder_of_transparent_pictures(made: Run) -> None:
    arguments = ["clip", "--clip", "walk", "--seconds", "0.3", "--size", "32", "--transparent", "--out", "frames"]
    assert run(["render", "run", *arguments]) == 0
    pictures = sorted(Path("frames").iterdir())
    assert pictures[0].name == "0001.png"
    with Image.open(pictures[0]) as picture:
        assert picture.mode == "RGBA"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["clip"], "choose --clip among walk, wave"),
        (["clip", "--clip", "fly"], 'found no "fly"'),
        (["--out", "a.avi"], ".mp4, .webm, .gif"),
        (["still", "--out", "a.tiff"], ".png"),
        (["--size", "many"], "1920x1080"),
        (["--size", "5000"], "from 16 to 4096"),
        (["--transparent", "--out", "a.mp4"], "cannot be transparent"),
        (["--seconds", "-1"], "above 0"),
        (["--fps", "0"], "from 1 to 120"),
        (["evolution"], "preview_every"),
        (["--supersample", "9"], "from 1 to 4"),
        (["still", "--face", "smile"], "jawOpen, browInnerUp"),
        (["still", "--face", "jawOpen=wide"], "written like jawOpen=0.6"),
    ],
)
def test_what_cannot_be_rendered_is_one_line_and_writes_nothing(
    capsys: pytest.CaptureFixture[str], made: Run, arguments: list[str], said: str
) -> None:
    before = sorted(Path.cwd().rglob("*"))
    assert run(["render", "run", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert said in err
    assert sorted(Path.cwd().rglob("*")) == before


def test_no_run_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for command in (["animate", str(tmp_path), "--motion", "a.bvh"], ["render", str(tmp_path)], ["export", "nowhere"]):
        assert run(command) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
