"""Several figures in one file, each with a mesh, a skin and a skeleton of its own; knows nothing of scenes.

Each figure is packed as a file by itself, and the files are put together: what one names by number is counted on from
where the one before ended. The texture, which they share, is there once; clips of one name become one.
"""

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from clipmatrix.bodies.body import Morph
from clipmatrix.bodies.clips import Clip
from clipmatrix.bodies.clones import joined_rigs
from clipmatrix.export.character import Character
from clipmatrix.export.files import write_bytes
from clipmatrix.export.glb import Json
from clipmatrix.export.gltf import pack_glb
from clipmatrix.geometry.mesh import Mesh


def join_characters(figures: list[Character]) -> Character:
    """All figures as one character, for pictures and films; their joints must have names of their own.

    Clips that all of them have are played together.
    """
    if len(figures) == 1:
        return figures[0]
    meshes, first = [figure.mesh for figure in figures], figures[0]
    num = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])]).tolist()
    num_uvs = np.cumsum([0, *(len(mesh.uvs) for mesh in meshes[:-1])]).tolist()
    rig = joined_rigs([figure.rig for figure in figures])
    names = tuple(name for figure in figures for name in figure.rig.joint_names)
    return Character(
        mesh=Mesh(
            torch.cat([mesh.vertices for mesh in meshes]),
            torch.cat([mesh.faces + start for mesh, start in zip(meshes, num, strict=True)]),
            torch.cat([mesh.uvs for mesh in meshes]),
            torch.cat([mesh.face_uvs + start for mesh, start in zip(meshes, num_uvs, strict=True)]),
        ),
        rig=type(rig)(names, rig.parents, rig.joint_from_bind, rig.joint_ids, rig.joint_weights),
        albedo_srgb=first.albedo_srgb,
        roughness=first.roughness,
        metallic=first.metallic,
        clips=_joined_clips(figures),
        extras=first.extras,
        morphs=_joined_morphs(figures),
        normal_map=first.normal_map,
        metallic_roughness_map=first.metallic_roughness_map,
    )


def _joined_morphs(figures: list[Character]) -> tuple[Morph, ...]:
    """Facial actions that all figures have, made by all of them at once."""
    by_name = [{morph.name: morph.offsets for morph in figure.morphs} for figure in figures]
    return tuple(
        Morph(morph.name, torch.cat([offsets[morph.name] for offsets in by_name]))
        for morph in figures[0].morphs
        if all(morph.name in offsets for offsets in by_name)
    )


def _joined_clips(figures: list[Character]) -> tuple[Clip, ...]:
    by_name = [{clip.name: clip for clip in figure.clips} for figure in figures]
    return tuple(
        _together([clips[clip.name] for clips in by_name], figures)
        for clip in figures[0].clips
        if all(clip.name in clips and len(clips[clip.name].times) == len(clip.times) for clips in by_name)
    )


def _together(clips: list[Clip], figures: list[Character]) -> Clip:
    """The clips at once; each figure's roots move by its own shift."""
    shifts = []
    for clip, figure in zip(clips, figures, strict=True):
        shift = torch.zeros(len(clip.times), len(figure.rig.parents), 3)
        if clip.joint_shift is not None:
            shift = shift + clip.joint_shift
        is_root = torch.tensor([parent < 0 for parent in figure.rig.parents])
        shifts.append(shift + is_root[None, :, None] * clip.root_translation[:, None])
    return Clip(
        clips[0].name,
        clips[0].times,
        torch.cat([clip.joint_rotations for clip in clips], dim=1),
        torch.zeros_like(clips[0].root_translation),
        torch.cat(shifts, dim=1),
    )


def write_group(path: Path, figures: list[Character]) -> None:
    """Writes the figures as one binary glTF file; the same ones give the same bytes.

    Raises:
        ExportError: the file cannot be written, or a rig holds what glTF cannot.
    """
    write_bytes(path, pack_group(figures))


def pack_group(figures: list[Character]) -> bytes:
    """The bytes of the file that ``write_group`` writes."""
    whole, binary = _unpack(pack_glb(figures[0]))
    for number, figure in enumerate(figures[1:], start=2):
        more, data = _unpack(pack_glb(_plain(figure)))
        _add(whole, more, len(binary), number)
        binary += data
    whole["buffers"] = [{"byteLength": len(binary)}]
    text = json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<III", 0x46546C67, 2, 12 + len(chunks)) + chunks


def _unpack(data: bytes) -> tuple[Json, bytes]:
    length = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + length]), data[20 + length + 8 :]


def _plain(figure: Character) -> Character:
    """The figure with pictures of one texel: the first figure's are used, and these thrown away."""
    dot = np.zeros((1, 1, 3), np.uint8)
    return replace(
        figure,
        albedo_srgb=dot,
        normal_map=None if figure.normal_map is None else dot,
        metallic_roughness_map=None if figure.metallic_roughness_map is None else dot,
    )


def _add(whole: Json, more: Json, offset: int, number: int) -> None:
    """Adds the second file's figure to the first's; materials and textures are the first's."""
    pictures = {image["bufferView"] for image in more.get("images", [])}
    kept = [index for index in range(len(more["bufferViews"])) if index not in pictures]
    place = {index: len(whole["bufferViews"]) + order for order, index in enumerate(kept)}
    accessors = len(whole["accessors"])
    nodes, meshes, skins = (len(whole[key]) for key in ("nodes", "meshes", "skins"))
    for view in (more["bufferViews"][index] for index in kept):
        whole["bufferViews"].append({**view, "byteOffset": view.get("byteOffset", 0) + offset})
    for accessor in more["accessors"]:
        whole["accessors"].append(_moved_accessor(accessor, place))
    for node in more["nodes"]:
        moved = dict(node)
        moved |= {"children": [child + nodes for child in node["children"]]} if "children" in node else {}
        moved |= {"mesh": node["mesh"] + meshes, "skin": node["skin"] + skins} if "mesh" in node else {}
        if node["name"] in {other["name"] for other in whole["nodes"]}:
            moved["name"] = f"{node['name']}.{number}"
        whole["nodes"].append(moved)
    for mesh in more["meshes"]:
        primitives = [_moved_primitive(primitive, accessors) for primitive in mesh["primitives"]]
        whole["meshes"].append({**mesh, "name": f"{mesh['name']}.{number}", "primitives": primitives})
    for skin in more["skins"]:
        moved = {**skin, "name": f"{skin['name']}.{number}", "joints": [joint + nodes for joint in skin["joints"]]}
        moved["inverseBindMatrices"] += accessors
        moved |= {"skeleton": skin["skeleton"] + nodes} if "skeleton" in skin else {}
        whole["skins"].append(moved)
    whole["scenes"][0]["nodes"] += [node + nodes for node in more["scenes"][0]["nodes"]]
    _add_animations(whole, more, nodes, accessors)


def _moved_accessor(accessor: Json, place: dict[int, int]) -> Json:
    """The accessor with its buffer views counted on; a sparse one names those of its rows."""
    moved = dict(accessor)
    if "bufferView" in accessor:
        moved["bufferView"] = place[accessor["bufferView"]]
    if "sparse" in accessor:
        rows = {key: accessor["sparse"][key] for key in ("indices", "values")}
        moved["sparse"] = {
            **accessor["sparse"],
            **{key: {**row, "bufferView": place[row["bufferView"]]} for key, row in rows.items()},
        }
    return moved


def _moved_primitive(primitive: Json, accessors: int) -> Json:
    moved = dict(primitive)
    moved["attributes"] = {name: index + accessors for name, index in primitive["attributes"].items()}
    moved["indices"] += accessors
    if "targets" in primitive:
        moved["targets"] = [
            {name: index + accessors for name, index in target.items()} for target in primitive["targets"]
        ]
    return moved


def _add_animations(whole: Json, more: Json, nodes: int, accessors: int) -> None:
    """Channels of a clip that both have go into one animation; a clip of the second alone is added as it is."""
    by_name = {animation.get("name"): animation for animation in whole.get("animations", [])}
    for animation in more.get("animations", []):
        target = by_name.get(animation.get("name"))
        if target is None:
            target = {"name": animation.get("name"), "channels": [], "samplers": []}
            whole.setdefault("animations", []).append(target)
        first = len(target["samplers"])
        for sampler in animation["samplers"]:
            moved = {**sampler, "input": sampler["input"] + accessors, "output": sampler["output"] + accessors}
            target["samplers"].append(moved)
        for channel in animation["channels"]:
            aim = {**channel["target"], "node": channel["target"]["node"] + nodes}
            target["channels"].append({**channel, "sampler": channel["sampler"] + first, "target": aim})
