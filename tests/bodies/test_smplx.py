"""SMPL-X from a user's file: the published linear model, checked term by term."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import torch
from tests.bodies.smplx_files import smplx_arrays, write_smplx

from clipmatrix.bodies.body import REGIONS, Body
from clipmatrix.bodies.clips import build_clips
from clipmatrix.bodies.poses import PoseSampler, key_poses
from clipmatrix.bodies.rig import skin, world_from_joint
from clipmatrix.bodies.smplx import JOINT_NAMES, load_smplx
from clipmatrix.errors import BodyError

pytest.importorskip("xatlas")


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> Body:
    return load_smplx(write_smplx(tmp_path_factory.mktemp("smplx") / "model.npz"))


def test_shapes_are_template_plus_directions(body: Body, generator: torch.Generator) -> None:
    """Vertices T + S beta and joints J (T + S beta), both put on the ground."""
    arrays = smplx_arrays()
    beta = torch.randn(10, generator=generator)
    shaped = arrays["v_template"] + arrays["shapedirs"][:, :, :10] @ beta.double().numpy()
    heads = arrays["J_regressor"] @ shaped
    ground = np.array([0.0, shaped[:, 1].min(), 0.0])
    rest = body.rest(beta)
    np.testing.assert_allclose(rest.vertices.numpy(), shaped - ground, atol=1e-5)
    np.testing.assert_allclose(rest.rig.bind_from_joint[:, :3, 3].numpy(), heads - ground, atol=1e-5)
    assert body.shape_names[0] == "beta_0"
    assert body.shape_bounds.tolist() == [[-2.0, 2.0]] * 10


def test_skinning_is_linear_blend_skinning(body: Body, generator: torch.Generator) -> None:
    """The published one: products of [R | j - parent j] down the tree, against the same in plain loops."""
    rest = body.rest(body.neutral_shape)
    rotations, _ = torch.linalg.qr(torch.randn(55, 3, 3, generator=generator).double())
    rotations = rotations * torch.linalg.det(rotations)[:, None, None]
    heads = rest.rig.bind_from_joint[:, :3, 3].double()
    world: list[torch.Tensor] = []
    for joint, parent in enumerate(rest.rig.parents):
        local = torch.eye(4, dtype=torch.float64)
        local[:3, :3] = rotations[joint]
        local[:3, 3] = heads[joint] - (heads[parent] if parent >= 0 else 0)
        world.append(world[parent] @ local if parent >= 0 else local)
    weights = torch.from_numpy(smplx_arrays()["weights"])
    matrices = torch.stack([
        frame @ torch.cat([torch.cat([torch.eye(3), -head[:, None]], 1), torch.tensor([[0.0, 0, 0, 1]])]).double()
        for frame, head in zip(world, heads.float(), strict=True)
    ])  # fmt: skip
    points = torch.nn.functional.pad(rest.vertices.double(), (0, 1), value=1.0)
    expected = torch.einsum("vj,jab,vb->va", weights, matrices, points)[:, :3]
    found = skin(rest.vertices, rest.rig, world_from_joint(rest.rig, rotations.float()[None]))[0]
    torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=0)


def test_shape_has_gradients(body: Body) -> None:
    shape = torch.zeros(10, requires_grad=True)
    rest = body.rest(shape)
    (rest.vertices.square().sum() + rest.rig.joint_from_bind.square().sum()).backward()
    assert shape.grad is not None
    assert bool((shape.grad.abs() > 0).all())


def test_it_is_a_humanoid_with_regions_poses_and_clips(body: Body, generator: torch.Generator) -> None:
    assert set(body.regions) == set(REGIONS)
    parts = torch.stack([body.regions[name] for name in REGIONS[1:]]).sum(0)
    torch.testing.assert_close(parts, torch.ones_like(parts))
    assert float(body.regions["head"][body.template.vertices[:, 1] > 1.6].min()) > 0.7
    assert body.humanoid["toe_2_l"] == JOINT_NAMES.index("left_foot")
    assert {"stand", "t_pose"} <= set(key_poses(body))
    assert PoseSampler(body).sample(2, generator).shape == (2, 55, 3, 3)
    assert {clip.name for clip in build_clips(body)} >= {"walk", "idle"}


def test_standing_puts_the_arms_down(body: Body) -> None:
    frames = world_from_joint(body.rig, key_poses(body)["stand"][None])[0, :, :3, 3]
    hand, shoulder = frames[body.humanoid["hand_l"]], frames[body.humanoid["upper_arm_l"]]
    assert float(shoulder[1] - hand[1]) > 0.4
    assert float(hand[0]) > 0.1


def test_uvs_of_the_file_are_kept(tmp_path: Path) -> None:
    """Each barrel has a cell of its own; v counts from below."""
    faces = smplx_arrays()["f"]
    num_cells = 60
    ids = np.arange(3 * len(faces)).reshape(-1, 3)
    cell = np.arange(len(faces))
    corner = np.stack([cell % num_cells, cell // num_cells], 1)[:, None] / num_cells
    uvs = corner + np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9]]) / num_cells
    body = load_smplx(write_smplx(tmp_path / "uv.npz", vt=uvs.reshape(-1, 2), ft=ids.astype(np.uint32)))
    assert body.notes == ()
    expected = uvs.reshape(-1, 2) * [1, -1] + [0, 1]
    np.testing.assert_allclose(body.template.uvs.numpy(), expected, atol=1e-6)


def test_without_uvs_it_is_unwrapped(body: Body) -> None:
    assert body.notes == ("it has no uvs: unwrapped anew",)
    assert body.template.face_uvs.shape == body.template.faces.shape


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickled_model_is_the_same_body(tmp_path: Path, protocol: int) -> None:
    arrays: dict[str, object] = dict(smplx_arrays())
    arrays["J_regressor"] = scipy.sparse.csc_matrix(arrays["J_regressor"])
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(arrays, protocol=protocol))
    pickled, plain = load_smplx(tmp_path / "model.pkl"), load_smplx(write_smplx(tmp_path / "model.npz"))
    shape = torch.linspace(-1.0, 1.0, len(plain.shape_names))
    assert torch.equal(pickled.rest(shape).vertices, plain.rest(shape).vertices)
    assert torch.equal(pickled.template.faces, plain.template.faces)
    assert torch.equal(pickled.rig.joint_weights, plain.rig.joint_weights)


def test_nothing_in_a_pickle_is_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "burst",))  # pyright: ignore[reportReturnType]

    for name in ("model.pkl", "model.npz"):
        (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
        with pytest.raises(BodyError) as caught:
            load_smplx(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "burst").exists()
    np.savez(tmp_path / "objects.npz", **smplx_arrays() | {"weights": np.array([Bomb()], dtype=object)})
    with pytest.raises(BodyError, match="plain arrays"):
        load_smplx(tmp_path / "objects.npz")
    assert not (tmp_path / "burst").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": None}, "has no weights"),
        ({"J_regressor": np.zeros((24, 1100))}, "J_regressor of shape"),
        ({"shapedirs": np.zeros((3, 3))}, "shapedirs of shape"),
        ({"v_template": np.full((1100, 3), np.nan)}, "no numbers"),
        ({"f": np.full((4, 3), 99999)}, "vertices that are not there"),
        ({"kintree_table": np.zeros((2, 55))[:, ::-1] + 60}, "another kinematic tree"),
    ],
)
def test_other_files_are_one_line(tmp_path: Path, changes: dict[str, np.ndarray | None], message: str) -> None:
    with pytest.raises(BodyError, match=message) as caught:
        load_smplx(write_smplx(tmp_path / "bad.npz", **changes))
    assert "\n" not in str(caught.value)


def test_missing_files_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(BodyError, match="cannot be read"):
        load_smplx(tmp_path / "none.npz")
