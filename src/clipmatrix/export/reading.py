"""Characters out of the GLB files that ``write_glb`` writes, so that what is filmed is what is in the file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from clipmatrix.bodies.body import Morph
from clipmatrix.bodies.clips import Clip
from clipmatrix.bodies.rig import Rig, parent_from_joint
from clipmatrix.errors import ExportError, short_reason
from clipmatrix.export.character import Character, Extras
from clipmatrix.export.glb_reading import read_picture
from clipmatrix.export.gltf import BODY_NAME
from clipmatrix.export.group import join_characters
from clipmatrix.geometry.glb_file import DAMAGED, GlbError, GlbFile, Json, read_glb_file
from clipmatrix.geometry.glb_tracks import sample_track
from clipmatrix.geometry.mesh import Mesh


@dataclass(frozen=True, eq=False)
class CharacterFile:
    """A character and the file it stands in; ``joint_nodes`` are the nodes of its (first) rig's joints.

    ``num_left`` meshes of the file hang on other skeletons or on none, and are not in the character.
    """

    character: Character
    file: GlbFile
    joint_nodes: list[int]
    num_figures: int = 1
    num_left: int = 0


def read_character(path: Path) -> CharacterFile:
    """The character in a run's GLB: its skinned mesh with the seams of its texture closed, its rig and all its clips.

    Raises:
        ExportError: the file is missing, damaged, or none of a rigged character.
    """
    try:
        file = read_glb_file(path)
        return _read(file)
    except OSError as error:
        raise ExportError(f"{path} cannot be read ({error.strerror}): let the run finish first") from error
    except (GlbError, *DAMAGED) as error:
        raise ExportError(f"{path} is no sound character file ({short_reason(error)}): create it anew") from error


def _read(file: GlbFile) -> CharacterFile:
    skins, nodes = file.items("skins"), file.items("nodes")
    # The first mesh on each skeleton.
    firsts = {int(node["skin"]): node for node in reversed(nodes) if "mesh" in node and "skin" in node}
    bodies = list(firsts.values())[::-1]
    if not bodies or not skins:
        raise GlbError("it holds no mesh with a skeleton")
    is_group = all(str(body.get("name", "")).startswith(BODY_NAME) for body in bodies)
    figures = [_figure(file, body) for body in (bodies if is_group else bodies[:1])]
    num_left = sum("mesh" in node for node in nodes) - sum(num for _, _, num in figures)
    whole = join_characters([figure for figure, _, _ in figures])
    return CharacterFile(whole, file, figures[0][1], len(figures), num_left)


def _figure(file: GlbFile, body: Json) -> tuple[Character, list[int], int]:
    """One figure of the file, the nodes of its joints, and how many meshes it has."""
    skins, nodes = file.items("skins"), file.items("nodes")
    skin = skins[int(body["skin"])]
    joint_nodes = [int(node) for node in skin["joints"]]
    # Parts of one figure share its skeleton; where they stand is told by the joints alone.
    parts = [node for node in nodes if "mesh" in node and node.get("skin") == body["skin"]]
    primitives = [one for node in parts for one in file.items("meshes")[int(node["mesh"])]["primitives"]]
    primitive = primitives[0]
    table = _table(file, primitives)
    mesh, first_ids = _mesh(table)
    rig = _rig(file, nodes, skin, joint_nodes, table, first_ids)
    material = file.items("materials")[int(primitive.get("material", 0))].get("pbrMetallicRoughness", {})
    clips = tuple(_clip(file, animation, rig, joint_nodes) for animation in file.items("animations"))
    character = Character(
        mesh=mesh,
        rig=rig,
        albedo_srgb=_texture(file, material),
        roughness=float(material.get("roughnessFactor", 1.0)),
        metallic=float(material.get("metallicFactor", 1.0)),
        clips=clips,
        extras=_extras(file.document.get("asset", {})),
        morphs=_morphs(file, int(body["mesh"]), primitive, first_ids) if len(primitives) == 1 else (),
        normal_map=_normal_map(file, primitive),
        metallic_roughness_map=_map(file, material.get("metallicRoughnessTexture")),
    )
    return character, joint_nodes, len(parts)


@dataclass(frozen=True, eq=False)
class _Table:
    """The vertices of all primitives one after another, and their triangles."""

    positions: np.ndarray
    uvs: np.ndarray
    joints: np.ndarray
    weights: np.ndarray
    corners: np.ndarray


def _table(file: GlbFile, primitives: list[Json]) -> _Table:
    positions, uvs, joints, weights = (
        np.concatenate([file.array(int(one["attributes"][name])) for one in primitives]).astype(kind)
        for name, kind in (
            ("POSITION", np.float32),
            ("TEXCOORD_0", np.float32),
            ("JOINTS_0", np.int64),
            ("WEIGHTS_0", np.float32),
        )
    )
    corners, first = [], 0
    for one in primitives:
        corners.append(file.array(int(one["indices"])).astype(np.int64).reshape(-1, 3) + first)
        first += len(file.array(int(one["attributes"]["POSITION"])))
    return _Table(positions, uvs, joints, weights, np.concatenate(corners))


def _mesh(table: _Table) -> tuple[Mesh, np.ndarray]:
    """The mesh with vertices that lie in one place made one, and for each of them one vertex of the file."""
    # A seam splits a vertex into copies that are alike in all that moves them.
    alike = np.concatenate([table.positions, table.joints.astype(np.float32), table.weights], axis=1)
    _, first_ids, ids = np.unique(alike, axis=0, return_index=True, return_inverse=True)
    mesh = Mesh(
        torch.from_numpy(table.positions[first_ids]),
        torch.from_numpy(ids.reshape(-1).astype(np.int64)[table.corners]),
        torch.from_numpy(table.uvs),
        torch.from_numpy(table.corners),
    )
    return mesh, first_ids


def _rig(
    file: GlbFile, nodes: list[Json], skin: Json, joint_nodes: list[int], table: _Table, first_ids: np.ndarray
) -> Rig:
    place = {node: joint for joint, node in enumerate(joint_nodes)}
    parents = [-1] * len(joint_nodes)
    for node, joint in place.items():
        for child in nodes[node].get("children", []):
            if child in place:
                parents[place[child]] = joint
    if any(parent >= joint for joint, parent in enumerate(parents)):
        raise GlbError("its joints stand before their parents")
    inverse_binds = file.array(int(skin["inverseBindMatrices"])).transpose(0, 2, 1).astype(np.float32).copy()
    return Rig(
        joint_names=tuple(str(nodes[node].get("name", f"joint {node}")) for node in joint_nodes),
        parents=tuple(parents),
        joint_from_bind=torch.from_numpy(inverse_binds),
        joint_ids=torch.from_numpy(table.joints[first_ids]),
        joint_weights=torch.from_numpy(table.weights[first_ids]),
    )


def _clip(file: GlbFile, animation: Json, rig: Rig, joint_nodes: list[int]) -> Clip:
    place = {node: joint for joint, node in enumerate(joint_nodes)}
    samplers = animation["samplers"]
    times = np.unique(np.concatenate([file.array(int(sampler["input"])) for sampler in samplers])).astype(np.float64)
    local = parent_from_joint(rig).double().numpy()
    turns = np.broadcast_to(np.eye(3), (len(times), len(place), 3, 3)).copy()
    shift = np.zeros((len(times), 3))
    for channel in animation["channels"]:
        joint, kind = place.get(int(channel["target"]["node"])), channel["target"]["path"]
        if joint is None or kind not in ("rotation", "translation"):
            continue
        values = sample_track(file, samplers[int(channel["sampler"])], times, kind)
        if kind == "rotation":
            turns[:, joint] = local[joint, :3, :3].T @ Rotation.from_quat(values).as_matrix()
        elif rig.parents[joint] < 0:
            shift = values - local[joint, :3, 3]
    return Clip(
        str(animation.get("name", "clip")),
        torch.from_numpy(times).float(),
        torch.from_numpy(turns).float(),
        torch.from_numpy(shift).float(),
    )


def _morphs(file: GlbFile, mesh: int, primitive: Json, first_ids: np.ndarray) -> tuple[Morph, ...]:
    targets = primitive.get("targets", [])
    names = file.items("meshes")[mesh].get("extras", {}).get("targetNames", [])
    return tuple(
        Morph(
            str(names[index]) if index < len(names) else f"morph {index}",
            torch.from_numpy(file.array(int(target["POSITION"]))[first_ids].astype(np.float32)),
        )
        for index, target in enumerate(targets)
        if "POSITION" in target
    )


def _texture(file: GlbFile, material: Json) -> np.ndarray:
    picture = _map(file, material.get("baseColorTexture"))
    if picture is not None:
        return picture
    factor = np.array(material.get("baseColorFactor", (0.7, 0.7, 0.7, 1.0)))[:3]
    return np.broadcast_to((factor * 255).astype(np.uint8), (8, 8, 3)).copy()


def _normal_map(file: GlbFile, primitive: Json) -> np.ndarray | None:
    """The map of a file of ours; without tangents it is none, and would be read otherwise."""
    if "TANGENT" not in primitive["attributes"]:
        return None
    return _map(file, file.items("materials")[int(primitive.get("material", 0))].get("normalTexture"))


def _map(file: GlbFile, reference: Json | None) -> np.ndarray | None:
    """The picture that a material refers to."""
    if reference is None:
        return None
    texture = file.items("textures")[int(reference["index"])]
    source = texture.get("source", texture.get("extensions", {}).get("EXT_texture_webp", {}).get("source", 0))
    image = file.items("images")[int(source)]
    return read_picture(file.view(int(image["bufferView"])))


def _extras(asset: Json) -> Extras:
    extras = asset.get("extras", {})
    return Extras(
        tuple(str(prompt) for prompt in extras.get("prompts", ())),
        int(extras.get("seed", 0)),
        str(extras.get("generator", asset.get("generator", ""))),
        str(extras.get("licence", asset.get("copyright", ""))),
        extras.get("recipe"),
    )
