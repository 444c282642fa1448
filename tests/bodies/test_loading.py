"""What a setting may name as a body, and what is said when it does not."""

from pathlib import Path

import pytest
import torch
from tests.bodies.gltf_files import write_figure
from tests.bodies.smplx_files import write_smplx
from tests.toy_body import build_toy_body

from clipmatrix.bodies.body import REGIONS
from clipmatrix.bodies.gltf_body import load_gltf
from clipmatrix.bodies.jitter import JitterSampler
from clipmatrix.bodies.loading import body_regions, load_body
from clipmatrix.errors import BodyError


def test_each_kind_of_file_is_loaded_by_its_reader(tmp_path: Path) -> None:
    pytest.importorskip("xatlas")
    figure = load_body(str(write_figure(tmp_path / "Figure.GLB")))
    assert figure.source is not None
    assert load_body(f"smplx:{write_smplx(tmp_path / 'model.npz')}").name == "smplx"


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = write_figure(tmp_path / "figure.glb")
    first = load_body(str(path))
    assert load_body(str(path)) is first
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BodyError, match="cut off"):
        load_body(str(path))


def test_regions_are_those_of_the_body(tmp_path: Path) -> None:
    assert body_regions("anny") == REGIONS
    assert set(body_regions(str(write_figure(tmp_path / "figure.glb")))) == set(REGIONS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("any", 'did you mean "anny"'),
        ("dog.fbx", r"there is no body \"dog.fbx\" .*name anny, smplx:FILE.npz or a mesh file"),
        ("model.npz", "write smplx:model.npz"),
        ("model.pkl", "write smplx:model.pkl"),
        ("smplx:model.pkl", "model.pkl cannot be read"),
        ("smplx:none.npz", "cannot be read"),
        ("none.glb", "cannot be read"),
        ("none.obj", "is no file"),
        (".", "there is no body"),
    ],
)
def test_what_is_no_body_is_one_line(name: str, message: str) -> None:
    with pytest.raises(BodyError, match=message) as caught:
        load_body(name)
    assert "\n" not in str(caught.value)


def test_loose_joints_turn_a_little_and_others_not(tmp_path: Path, generator: torch.Generator) -> None:
    """Rotations by at most twice the deviation; the first joint of the skin and what is above it stand still."""
    body = load_gltf(write_figure(tmp_path / "figure.glb"))
    turns = JitterSampler(body, 0.1).sample(200, generator)
    eye = torch.eye(3)
    torch.testing.assert_close(turns @ turns.transpose(-1, -2), eye.expand_as(turns), atol=1e-5, rtol=0)
    angles = torch.acos(((turns.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2).clamp(-1, 1))
    assert float(angles.max()) < 0.2 + 1e-3
    still = [joint for joint in range(len(body.rig.parents)) if joint not in body.loose_joints]
    assert [body.rig.joint_names[joint] for joint in still] == ["Armature", "mixamorig:Hips"]
    assert torch.equal(turns[:, still], eye.expand(200, 2, 3, 3))
    assert float(angles[:, list(body.loose_joints)].mean()) > 0.08


def test_without_loose_joints_the_body_stays_at_rest(generator: torch.Generator) -> None:
    turns = JitterSampler(build_toy_body(), 0.5).sample(3, generator)
    assert torch.equal(turns, torch.eye(3).expand(3, 3, 3, 3))
