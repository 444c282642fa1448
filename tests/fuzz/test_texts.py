"""What people type and write by hand: prompts, settings, skeletons and meshes, grown from their grammars."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.readers import READERS
from tests.fuzz.trial import find_fault

from clipmatrix.bodies.gltf_body import load_gltf
from clipmatrix.bodies.mesh_body import load_mesh
from clipmatrix.config import default_prompts, load_config
from clipmatrix.errors import BodyError, ClipMatrixError, ConfigError, MotionError, PromptError
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.motion.bvh import read_bvh
from clipmatrix.runs.directory import free_path, slug

_EASY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

_WORDS = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(categories=["So", "Sk", "Mn", "Cf", "Cc", "Zs", "Co"]), max_size=20),
    st.sampled_from(
        ["a red man", "🦓👩🏽‍🚀🏳️‍🌈", "\u202eعברית\u202c", "\x1b[2J\x07", "\ufeff", "é" * 9, "a\u0300" * 50, "龍"]
    ),
)


@_EASY
@given(text=st.lists(_WORDS, max_size=6).map(" ".join))
def test_any_prompt_is_refused_or_encoded(text: str, tmp_path: Path) -> None:
    assert _prompt_fault(text, tmp_path) is None


@pytest.mark.parametrize(
    "text",
    ["a" * 10_000, "a red man, " * 900, "🦓" * 10_000, "\0", "((((" * 500, "../../etc/passwd", "with " * 2000],
    ids=["letters", "phrases", "emoji", "control", "brackets", "path", "words"],
)
def test_long_and_odd_prompts_are_refused_or_encoded(text: str, tmp_path: Path) -> None:
    assert _prompt_fault(text, tmp_path) is None


def _prompt_fault(text: str, folder: Path) -> str | None:
    return find_fault(READERS["prompt"], text.encode("utf-8", errors="surrogatepass"), folder)


@_EASY
@given(text=st.text(max_size=300))
def test_any_prompt_makes_a_folder_inside(text: str) -> None:
    name = slug(text)
    assert "/" not in name
    assert "\0" not in name
    assert name not in (".", "..")
    assert 0 < len(name.encode()) <= 200
    assert free_path(Path("runs"), text, 1).parent == Path("runs")


@pytest.mark.parametrize("text", ["", " \t\n", "\u200b", "\0\x01"])
def test_prompts_of_nothing_are_refused(text: str) -> None:
    with pytest.raises(PromptError) as caught:
        load_guidance("mini").encode_texts([prompt.text for prompt in default_prompts(text)])
    assert "\n" not in str(caught.value)


_PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["draft", "neutral", "x"]),
)
_KEYS = st.sampled_from(
    ["quality", "seed", "steps", "prompts", "text", "weight", "scene", "texture_size", "losses", "optimiser", "views",
     "video_size", "patience", "search", "shots", "poses", "augment", "base", "body", "nonsense"]
)  # fmt: skip
_SETTINGS = st.recursive(
    _PLAIN,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=5)),
    max_leaves=12,
)


def _clean(read: Callable[[Path], object], path: Path, kind: type[ClipMatrixError]) -> None:
    said = ""
    try:
        read(path)
    except kind as error:
        said = str(error)
    assert "\n" not in said
    assert len(said) < 600


@_EASY
@given(value=_SETTINGS)
def test_any_settings_are_refused_or_read(value: Any, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump(value, allow_unicode=True), encoding="utf-8", errors="replace")
    _clean(load_config, path, ClipMatrixError)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
            f"{b}: &{b} [{', '.join([f'*{a}'] * 8)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        ), "more than 10000 values"),
        ("prompts: &p [*p]\n", "undefined alias|more than 10000 values"),
        ("steps: " + "[" * 5000, "nested too deeply"),
        ("seed: " + "9" * 5000, "seed must be"),
        ("prompts:\n" + "- text: x\n" * 100_000, "cannot be read .it is larger than 1 MB"),
        ("body: !!python/object/apply:os.system [echo]\n", "body must be a text"),
    ],
)  # fmt: skip
def test_settings_that_grow_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(tmp_path / "settings.yaml")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


_NUMBERS = st.one_of(
    st.floats(-10, 10).map(lambda value: f"{value:.3f}"),
    st.sampled_from(["nan", "inf", "-1e308", "1e-320", "x", "", "999999999999", "-1", "0"]),
)


@_EASY
@given(
    points=st.lists(st.lists(_NUMBERS, min_size=2, max_size=4), max_size=8),
    faces=st.lists(st.lists(st.integers(-9, 12), max_size=6), max_size=8),
    kinds=st.sampled_from(["{0}", "{0}/{0}", "{0}//{0}", "{0}/{0}/{0}", "{0}/"]),
)
def test_any_obj_is_refused_or_read(
    points: list[list[str]], faces: list[list[int]], kinds: str, tmp_path: Path
) -> None:
    lines = ["v " + " ".join(point) for point in points] + ["vt " + " ".join(point[:2]) for point in points]
    lines += ["f " + " ".join(kinds.format(corner) for corner in face) for face in faces]
    path = tmp_path / "mesh.obj"
    path.write_text("\n".join(lines))
    _clean(load_mesh, path, BodyError)


@_EASY
@given(
    joints=st.lists(st.sampled_from(["OFFSET 0 1 0", "CHANNELS 3 Zrotation Xrotation Yrotation", "CHANNELS 1 Xposition",
                                     "JOINT a", "End Site", "{", "}", "OFFSET x", "CHANNELS -1"]), max_size=14),
    frames=st.lists(st.lists(_NUMBERS, max_size=7), max_size=4),
    rate=_NUMBERS,
)  # fmt: skip
def test_any_bvh_is_refused_or_read(joints: list[str], frames: list[list[str]], rate: str, tmp_path: Path) -> None:
    head = "HIERARCHY\nROOT Hips\n{\n" + "\n".join(joints) + "\n}\n"
    rows = "\n".join(" ".join(row) for row in frames)
    path = tmp_path / "walk.bvh"
    path.write_text(f"{head}MOTION\nFrames: {len(frames)}\nFrame Time: {rate}\n{rows}\n")
    _clean(read_bvh, path, MotionError)


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 300), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)
_GLTF_KEYS = (
    "asset",
    "buffers",
    "bufferViews",
    "accessors",
    "meshes",
    "nodes",
    "scenes",
    "scene",
    "skins",
    "materials",
)


@_EASY
@given(parts=st.dictionaries(st.sampled_from(_GLTF_KEYS), _JSON, max_size=5), has_asset=st.booleans())
def test_any_gltf_is_refused_or_read(parts: dict[str, Any], has_asset: bool, tmp_path: Path) -> None:
    path = tmp_path / "scene.gltf"
    path.write_text(json.dumps({**parts, "asset": {"version": "2.0"}} if has_asset else parts))
    _clean(load_gltf, path, BodyError)


@pytest.mark.parametrize("uri", ["/dev/zero", "../secret.bin", "%2e%2e/secret.bin", "http://x.example/a.bin"])
def test_bodies_read_nothing_outside_their_folder(uri: str, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(np.zeros(9, np.float32).tobytes())
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "a.gltf").write_text(
        json.dumps({"asset": {"version": "2.0"}, "buffers": [{"uri": uri, "byteLength": 36}], "meshes": []})
    )
    with pytest.raises(BodyError, match="keeps its data"):
        load_gltf(folder / "a.gltf")
