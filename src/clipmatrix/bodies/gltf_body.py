"""Bodies out of glTF files: the rig and clips are kept as they are; knows nothing of looks, and writes nothing.

A file with a skin or an animation keeps its nodes: every node that carries a mesh, and those above it, is a joint of
the body. A file with neither is a still mesh with one joint. The body's rest is what a viewer shows before any clip
plays. Its joints' frames there are rigid, whatever scales the file's nodes have. Poses are blended about that rest; a
file whose bind pose is another one blends about that, which differs by a hair where joints share a vertex.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64

from clipmatrix.bodies.belt import belted
from clipmatrix.bodies.body import Body, FixedShape, Placement, RestBody
from clipmatrix.bodies.gltf_file import GltfFile, read_gltf
from clipmatrix.bodies.gltf_nodes import rest_frames, walk
from clipmatrix.bodies.gltf_reading import (
    NodeMesh,
    plain_nodes,
    read_animations,
    read_node_mesh,
    read_skins,
    scene_roots,
    split_node_mesh,
)
from clipmatrix.bodies.gltf_source import GltfSource, SourcePart, SourceSkin
from clipmatrix.bodies.joint_names import humanoid_roles
from clipmatrix.bodies.memberships import joint_memberships
from clipmatrix.bodies.mesh_body import still_body
from clipmatrix.bodies.rig import Rig
from clipmatrix.bodies.soup import MOST_FACES, Dressable, Soup, prepare
from clipmatrix.bodies.subdivide import check_levels
from clipmatrix.errors import BodyError, short_reason
from clipmatrix.geometry.glb_file import DAMAGED

_REQUIRED = ("hips", "spine", "head", "upper_arm", "lower_arm", "hand", "upper_leg", "lower_leg", "foot")


@dataclass(frozen=True, eq=False)
class _Piece:
    """One node's mesh, where its vertices stand at rest, and the joints (as nodes) that hold them."""

    node: int
    skin: int | None
    mesh: NodeMesh
    rest: Float[np.ndarray, "n 3"]
    world_from_file: Float[np.ndarray, "n 3 3"]
    influences: Int64[np.ndarray, "n k"]
    weights: Float[np.ndarray, "n k"]


def load_gltf(path: Path, levels: int = 0) -> Body:
    """The scene of a ``.glb`` or ``.gltf`` file as a body, its triangles split in four ``levels`` times.

    Raises:
        BodyError: the file is missing or broken, or has nothing to dress.
    """
    file = read_gltf(path)
    try:
        return _load(file, levels)
    except (LookupError, TypeError, AttributeError) as error:
        raise file.broken(f"something is missing in it ({short_reason(error)})") from error
    except DAMAGED as error:
        raise file.broken(f"its parts do not fit together ({short_reason(error)})") from error


def _load(file: GltfFile, levels: int) -> Body:
    nodes, roots = plain_nodes(file), scene_roots(file)
    tree = walk(nodes, roots)
    frames = rest_frames(nodes, tree)
    skins, animations = read_skins(file), read_animations(file)
    pieces = [piece for node, _ in tree if (piece := _piece(file, node, skins, frames, levels)) is not None]
    if not pieces:
        raise BodyError(f"{file.name} has no triangles in its scene: name a file with a surface")
    soup = _soup(file.name, pieces)
    made = prepare(soup)
    rights = file.document["asset"].get("copyright")
    if not animations and all(piece.skin is None for piece in pieces):
        return still_body(made, file.name, rights)
    return _rigged(file, made, pieces, GltfSource(
        nodes=nodes,
        roots=roots,
        skins=skins,
        animations=animations,
        parts=tuple(
            SourcePart(p.node, p.skin, p.mesh.positions, p.mesh.joints, p.mesh.weights) for p in pieces
        ),
        corner_ids=made.corner_ids,
        file_from_rest=_inverses(np.concatenate([piece.world_from_file for piece in pieces])),
        joint_nodes=_joint_nodes(tree, pieces),
        is_double_sided=bool(soup.is_two_sided.any()),
        copyright=rights,
    ))  # fmt: skip


def _piece(
    file: GltfFile, node: int, skins: tuple[SourceSkin, ...], frames: dict[int, Float[np.ndarray, "4 4"]], levels: int
) -> _Piece | None:
    description = file.items("nodes")[node]
    if "mesh" not in description:
        return None
    skin_id: int | None = description.get("skin")
    skin = None if skin_id is None else skins[skin_id]
    mesh = read_node_mesh(file, file.items("meshes")[description["mesh"]], len(skin.joints) if skin else 0)
    if mesh is None:
        return None
    check_levels(file.name, len(mesh.faces), levels, MOST_FACES)
    for _ in range(levels):
        mesh = split_node_mesh(mesh)
    num = len(mesh.positions)
    if skin is None:
        matrices = np.broadcast_to(frames[node], (num, 4, 4))
        influences, weights = np.full((num, 1), node), np.ones((num, 1))
    else:
        lost = [joint for joint in skin.joints if joint not in frames]
        if lost:
            raise file.broken(f"joint {lost[0]} of a skin is not in the scene")
        joint_matrices = np.stack([frames[joint] for joint in skin.joints]) @ skin.inverse_binds.astype(np.float64)
        weights = mesh.weights / mesh.weights.sum(axis=1, keepdims=True, dtype=np.float64)
        ids = np.where(weights > 0, mesh.joints, 0).astype(np.int64)
        matrices = np.einsum("nk,nkij->nij", weights, joint_matrices[ids])
        influences = np.array(skin.joints)[ids]
    rest = np.einsum("nij,nj->ni", matrices[:, :3, :3], mesh.positions.astype(np.float64)) + matrices[:, :3, 3]
    return _Piece(node, skin_id, mesh, rest, matrices[:, :3, :3], influences, weights)


def _soup(name: str, pieces: list[_Piece]) -> Soup:
    """All pieces at rest as one heap of triangles; those of a mirrored node turned round, as glTF asks for."""
    starts = np.cumsum([0, *(len(piece.rest) for piece in pieces[:-1])])
    faces = []
    for piece, start in zip(pieces, starts, strict=True):
        is_mirrored = np.linalg.det(piece.world_from_file)[piece.mesh.faces[:, 0]] < 0.0
        own = np.where(is_mirrored[:, None], piece.mesh.faces[:, ::-1], piece.mesh.faces)
        faces.append(own + start)
    uvs, normals = [piece.mesh.uvs for piece in pieces], [_turned_normals(piece) for piece in pieces]
    notes = []
    if any(piece.mesh.has_morphs for piece in pieces):
        notes.append("its morph targets are left out")
    # Two meshes that each fill the square have no layout in common, whatever theirs are; nor have two materials.
    has_layout = all(uv is not None for uv in uvs)
    return Soup(
        name=name,
        positions=np.concatenate([piece.rest for piece in pieces]),
        faces=np.concatenate(faces),
        uvs=np.concatenate([uv for uv in uvs if uv is not None]) if has_layout else None,
        normals=np.concatenate([n for n in normals if n is not None]) if all(n is not None for n in normals) else None,
        kinds=_kinds(pieces),
        is_two_sided=np.concatenate([piece.mesh.is_two_sided for piece in pieces]),
        notes=tuple(notes),
    )


def _turned_normals(piece: _Piece) -> Float[np.ndarray, "n 3"] | None:
    if piece.mesh.normals is None:
        return None
    turned = np.einsum("nij,nj->ni", piece.world_from_file, piece.mesh.normals.astype(np.float64))
    return turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-12)


def _kinds(pieces: list[_Piece]) -> Int64[np.ndarray, "n"]:
    """A number for each vertex: the same for vertices of one piece that the same joints hold."""
    kinds, first = [], 0
    for piece in pieces:
        rows = np.concatenate([piece.influences, np.round(piece.weights * 65535).astype(np.int64)], axis=1)
        _, kind = np.unique(rows, axis=0, return_inverse=True)
        kinds.append(kind.reshape(-1) + first)
        first = int(kinds[-1].max()) + 1
    return np.concatenate(kinds).astype(np.int64)


def _inverses(matrices: Float[np.ndarray, "n 3 3"]) -> Float[np.ndarray, "n 3 3"]:
    """The inverses, the nearest thing to one where a vertex's joints flatten it."""
    is_flat = np.linalg.cond(matrices) > 1e6
    inverses = np.linalg.inv(np.where(is_flat[:, None, None], np.eye(3), matrices))
    if is_flat.any():
        inverses[is_flat] = np.linalg.pinv(matrices[is_flat], rcond=1e-6)
    return inverses


def _joint_nodes(tree: list[tuple[int, int]], pieces: list[_Piece]) -> tuple[int, ...]:
    """The nodes that hold vertices, and all above them, parents first."""
    parents = dict(tree)
    needed: set[int] = set()
    for piece in pieces:
        for node in np.unique(piece.influences).tolist():
            while node >= 0 and node not in needed:
                needed.add(node)
                node = parents[node]
    return tuple(node for node, _ in tree if node in needed)


def rigid(frames: Float[np.ndarray, "*n 4 4"], placement: Placement) -> Float[np.ndarray, "*n 4 4"]:
    """The frames moved to where the body stands, without scale or shear: the nearest rotations."""
    u, _, vt = np.linalg.svd(frames[..., :3, :3])
    sign = np.linalg.det(u @ vt)
    u[..., :, 2] *= sign[..., None]
    moved = np.zeros_like(frames)
    moved[..., :3, :3] = u @ vt
    moved[..., :3, 3] = placement.scale * frames[..., :3, 3] + np.array(placement.shift)
    moved[..., 3, 3] = 1.0
    return moved


def _rigged(file: GltfFile, made: Dressable, pieces: list[_Piece], source: GltfSource) -> Body:
    tree = walk(source.nodes, source.roots)
    parent_nodes, frames = dict(tree), rest_frames(source.nodes, tree)
    order = {node: joint for joint, node in enumerate(source.joint_nodes)}
    parents = tuple(order.get(parent_nodes[node], -1) for node in source.joint_nodes)
    names = tuple(source.nodes[node].get("name", f"node {node}") for node in source.joint_nodes)
    bind = rigid(np.stack([frames[node] for node in source.joint_nodes]), made.placement)
    width = max(piece.influences.shape[1] for piece in pieces)
    pads = [((0, 0), (0, width - piece.influences.shape[1])) for piece in pieces]
    influences = np.concatenate(
        [np.pad(piece.influences, pad, mode="edge") for piece, pad in zip(pieces, pads, strict=True)]
    )
    weights = np.concatenate([np.pad(piece.weights, pad) for piece, pad in zip(pieces, pads, strict=True)])
    rig = Rig(
        joint_names=names,
        parents=parents,
        joint_from_bind=torch.from_numpy(np.linalg.inv(bind)).float(),
        joint_ids=torch.from_numpy(np.vectorize(order.__getitem__, otypes=[np.int64])(influences[made.vertex_ids])),
        joint_weights=torch.from_numpy(weights[made.vertex_ids]).float(),
    )
    roles = humanoid_roles(names, parents)
    is_named = all(role in roles or (f"{role}_l" in roles and f"{role}_r" in roles) for role in _REQUIRED)
    notes = list(made.notes)
    humanoid = roles if is_named and _faces_us(roles, bind) else {}
    if is_named and not humanoid:
        notes.append("it does not stand facing +Z: turned a little at each joint instead of posed")
    skinned = {joint for skin in source.skins for joint in skin.joints}
    loose = tuple(
        joint for joint, node in enumerate(source.joint_nodes) if node in skinned and parent_nodes[node] in skinned
    )
    regions = joint_memberships(rig, roles) if is_named else {"whole": torch.ones(len(made.mesh.vertices))}
    if humanoid:
        # Only of one that stands upright is it known what lies below the hips.
        regions = belted(regions, made.mesh.vertices)
    return Body(
        name=file.name,
        template=made.mesh,
        rig=rig,
        shape_names=(),
        shape_bounds=torch.zeros(0, 2),
        neutral_shape=torch.zeros(0),
        rest=FixedShape(RestBody(made.mesh.vertices, rig)),
        regions=regions,
        humanoid=humanoid,
        mirror_ids=None,
        licence=source.copyright or f"body: as {file.name}",
        welds=made.welds,
        placement=made.placement,
        source=source,
        notes=tuple(notes),
        loose_joints=loose,
    )


def _faces_us(roles: dict[str, int], bind: Float[np.ndarray, "j 4 4"]) -> bool:
    """Whether the figure stands upright with its left hand at +X."""
    place = {role: bind[joint, :3, 3] for role, joint in roles.items()}
    is_upright = place["head"][1] > place["hips"][1] > max(place["foot_l"][1], place["foot_r"][1])
    is_front = all(place[f"{role}_l"][0] > place[f"{role}_r"][0] for role in ("upper_arm", "upper_leg"))
    return bool(is_upright and is_front)
