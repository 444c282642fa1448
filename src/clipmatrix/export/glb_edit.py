"""One more animation in a GLB file that is there already; all else in it stays as it is, known here or not."""

import copy
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from clipmatrix.bodies.clips import Clip
from clipmatrix.bodies.rig import Rig
from clipmatrix.errors import ExportError
from clipmatrix.export.files import write_bytes
from clipmatrix.export.glb import COMPONENT_TYPES, ELEMENT_TYPES
from clipmatrix.export.gltf import animation_tracks
from clipmatrix.geometry.glb_file import GlbFile, Json, pack_glb_file


def write_with_clip(path: Path, file: GlbFile, rig: Rig, joint_nodes: list[int], clip: Clip) -> None:
    """Writes the file with the clip among its animations, in place of one of the same name, whole or not at all.

    ``joint_nodes`` are the nodes of the rig's joints.

    Raises:
        ExportError: the clip moves nothing, or the file cannot be written.
    """
    write_bytes(path, pack_glb_file(with_clip(without_animation(file, clip.name), rig, joint_nodes, clip)))


def with_clip(file: GlbFile, rig: Rig, joint_nodes: list[int], clip: Clip) -> GlbFile:
    """The file with one animation more, at the end."""
    tracks = animation_tracks(rig, clip)
    if not tracks:
        raise ExportError(f'wanted a clip that moves, found that "{clip.name}" stands still; choose another part of it')
    document = copy.deepcopy(file.document)
    binary = bytearray(file.binary)
    times = clip.times.detach().float().numpy()
    (first,) = _add_arrays(document, binary, [times])
    # glTF asks for the bounds of times.
    document["accessors"][first] |= {"min": [times.min().item()], "max": [times.max().item()]}
    outputs = _add_arrays(document, binary, [values for _, _, values in tracks])
    document.setdefault("animations", []).append(
        {
            "name": clip.name,
            "channels": [
                {"sampler": index, "target": {"node": joint_nodes[joint], "path": kind}}
                for index, (kind, joint, _) in enumerate(tracks)
            ],
            "samplers": [{"input": first, "output": output, "interpolation": "LINEAR"} for output in outputs],
        }
    )
    return GlbFile(document, bytes(binary))


def without_animation(file: GlbFile, name: str) -> GlbFile:
    """The file without the animations called ``name``, and without the data that only they used."""
    document = copy.deepcopy(file.document)
    animations = document.get("animations", [])
    kept = [animation for animation in animations if animation.get("name") != name]
    if len(kept) == len(animations):
        return file
    dropped = {s for a in animations if a not in kept for s in _accessors_of(a)}
    document["animations"] = kept
    if not kept:
        del document["animations"]
    unused = dropped - {holder[key] for holder, key in _accessor_uses(document)}
    views_of = [{holder["bufferView"] for holder in _view_holders(a)} for a in document["accessors"]]
    used_views = {view for index, views in enumerate(views_of) if index not in unused for view in views}
    used_views |= {image["bufferView"] for image in document.get("images", []) if "bufferView" in image}
    dead_views = {view for index in unused for view in views_of[index]} - used_views
    accessor_ids = _renumbered(len(document["accessors"]), unused)
    for holder, key in _accessor_uses(document):
        holder[key] = accessor_ids[holder[key]]
    document["accessors"] = [a for index, a in enumerate(document["accessors"]) if index not in unused]
    view_ids = _renumbered(len(document["bufferViews"]), dead_views)
    for thing in (*document["accessors"], *document.get("images", [])):
        for holder in _view_holders(thing):
            holder["bufferView"] = view_ids[holder["bufferView"]]
    binary = bytearray()
    views = [view for index, view in enumerate(document["bufferViews"]) if index not in dead_views]
    for view in views:
        start = view.get("byteOffset", 0)
        binary += b"\0" * (-len(binary) % 4)
        data = file.binary[start : start + view["byteLength"]]
        view["byteOffset"] = len(binary)
        binary += data
    document["bufferViews"] = views
    return GlbFile(document, bytes(binary))


def _add_arrays(document: Json, binary: bytearray, arrays: list[np.ndarray]) -> list[int]:
    """The new accessors of arrays that share one new buffer view."""
    binary += b"\0" * (-len(binary) % 4)
    view = {"buffer": 0, "byteOffset": len(binary), "byteLength": sum(array.nbytes for array in arrays)}
    document.setdefault("bufferViews", []).append(view)
    accessors = document.setdefault("accessors", [])
    first, offset = len(accessors), 0
    for array in arrays:
        binary += np.ascontiguousarray(array).tobytes()
        accessors.append(
            {
                "bufferView": len(document["bufferViews"]) - 1,
                "byteOffset": offset,
                "componentType": COMPONENT_TYPES[array.dtype],
                "count": len(array),
                "type": ELEMENT_TYPES[array.shape[1:]],
            }
        )
        offset += array.nbytes
    return list(range(first, len(accessors)))


def _accessors_of(animation: Json) -> set[int]:
    return {sampler[key] for sampler in animation["samplers"] for key in ("input", "output")}


def _view_holders(thing: Json) -> Iterator[Json]:
    """The parts of an accessor or a picture that name a buffer view; a sparse accessor has up to three."""
    sparse = thing.get("sparse", {})
    yield from (part for part in (thing, sparse.get("indices", {}), sparse.get("values", {})) if "bufferView" in part)


def _accessor_uses(document: Json) -> Iterator[tuple[Json, str]]:
    """Each place of the document that names an accessor: the object, and its key."""
    for mesh in document.get("meshes", []):
        for primitive in mesh["primitives"]:
            for table in (primitive["attributes"], *primitive.get("targets", [])):
                yield from ((table, key) for key in table)
            if "indices" in primitive:
                yield primitive, "indices"
    for skin in document.get("skins", []):
        if "inverseBindMatrices" in skin:
            yield skin, "inverseBindMatrices"
    for animation in document.get("animations", []):
        for sampler in animation["samplers"]:
            yield from ((sampler, key) for key in ("input", "output"))


def _renumbered(num: int, dropped: set[int]) -> dict[int, int]:
    return {old: new for new, old in enumerate(index for index in range(num) if index not in dropped)}
