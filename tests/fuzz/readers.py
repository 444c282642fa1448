"""Every reader of files and texts that come from outside, each with small sound files to begin with."""

import base64
import dataclasses
import io
import json
import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tests.bodies.gltf_files import write_figure
from tests.bodies.smplx_files import write_smplx
from tests.generate.small_run import small_config, small_parts
from tests.guidance.mini_folder import write_mini
from tests.motion.motion_files import turns, write_amass, write_bvh
from tests.synthetic_character import build_tube_character
from tests.toy_body import build_toy_body

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.gltf_body import load_gltf
from clipmatrix.bodies.mesh_body import load_mesh
from clipmatrix.bodies.pickled import read_pickled_arrays
from clipmatrix.bodies.smplx import load_smplx
from clipmatrix.config import default_prompts, dump_yaml, load_config, preset
from clipmatrix.config.resolving import resolve
from clipmatrix.export.gltf import write_glb
from clipmatrix.export.reading import read_character
from clipmatrix.gallery.library import Library
from clipmatrix.generate.best import BestState
from clipmatrix.generate.health import inspect_file
from clipmatrix.generate.loading import text_warnings
from clipmatrix.generate.optimizers import SceneOptimiser
from clipmatrix.generate.plateau import Plateau
from clipmatrix.generate.resuming import load_record, prepare_resume
from clipmatrix.generate.state import Progress, dump_state, read_state
from clipmatrix.generate.tries import read_record
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.guidance.pictures import read_picture
from clipmatrix.motion.reading import Excerpt, read_motion
from clipmatrix.runs.directory import Run, free_path
from clipmatrix.scene.checkpoint import dump_scene, restore_scene
from clipmatrix.scene.scene import Scene, snapshot
from clipmatrix.scene.start import neutral_start


@dataclass(frozen=True)
class Reader:
    """What is read: the ending of its files, sound ones, and what reads one. Broken ones end in a ClipMatrixError."""

    suffix: str
    seeds: Callable[[Path], list[bytes]]
    read: Callable[[Path], object]


@cache
def _body() -> Body:
    return build_toy_body()


@cache
def _mini() -> Guidance:
    return load_guidance("mini")


def _scene() -> Scene:
    return Scene(_body(), neutral_start(_body()), small_config().scene)


def _settings(_: Path) -> list[bytes]:
    config = dataclasses.replace(preset("draft"), prompts=default_prompts("a red person with a blue head"))
    short = b"quality: draft\nsteps: 20\nprompts:\n  - text: a red man\n    weight: 0.5\nscene: {texture_size: 256}\n"
    recipe = Path(__file__).parents[2] / "examples" / "03_creature.yaml"
    return [dump_yaml(config).encode(), short, recipe.read_bytes()]


def _read_settings(path: Path) -> object:
    return resolve(load_config(path))


def _pictures(_: Path) -> list[bytes]:
    """Each format with a picture of noise, which leaves no part of the file without a meaning."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 36, 3), np.uint8)
    found = []
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
        out = io.BytesIO()
        Image.fromarray(noise).save(out, kind)
        found.append(out.getvalue())
    return found


def _pickles(_: Path) -> list[bytes]:
    arrays = {"v": np.arange(12.0).reshape(4, 3), "f": np.zeros((2, 3), np.uint32), "name": "x", "more": [{"a": None}]}
    return [pickle.dumps(arrays, protocol) for protocol in (0, 2, 4, 5)]


def _texts(_: Path) -> list[bytes]:
    return [
        b"a zebra striped man",
        b"a red person with a blue head and a green shirt, wooden legs",
        "eine Frau aus Gold, 🦓 עברית".encode(),
    ]


def _read_text(path: Path) -> object:
    text = path.read_bytes().decode("utf-8", errors="replace")
    prompts = default_prompts(text)
    free_path(Path("runs"), prompts[0].text, 0)
    text_warnings(_mini(), [text])
    return _mini().encode_texts([prompt.text for prompt in prompts])


def _objs(_: Path) -> list[bytes]:
    mesh = _body().template
    points = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in mesh.vertices.tolist()]
    uvs = [f"vt {u:.4f} {v:.4f}" for u, v in mesh.uvs.tolist()]
    corners = zip(mesh.faces.tolist(), mesh.face_uvs.tolist(), strict=True)
    faces = ["f " + " ".join(f"{v + 1}/{t + 1}" for v, t in zip(*both, strict=True)) for both in corners]
    cube = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nv 0 0 1\nv 1 0 1\nv 1 1 1\nv 0 1 1\n"
    quads = "o cube\nf 4 3 2 1\nf 5 6 7 8\nf 1 2 6 5\nf 2 3 7 6\nf 3 4 8 7\nf 4 1 5 8\nmtllib x.mtl\nusemtl a\n"
    return ["\n".join(["mtllib look.mtl", *points, *uvs, *faces]).encode(), (cube + quads).encode()]


def _plys(_: Path) -> list[bytes]:
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], "<f4")
    faces = [[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]
    head = "element vertex 4\nproperty float x\nproperty float y\nproperty float z\nelement face 4\n"
    head += "property list uchar int vertex_indices\nend_header\n"
    text = "\n".join(" ".join(map(str, row)) for row in points.tolist())
    text += "\n" + "\n".join(f"3 {a} {b} {c}" for a, b, c in faces) + "\n"
    packed = points.tobytes() + b"".join(b"\x03" + np.array(face, "<i4").tobytes() for face in faces)
    return [
        ("ply\nformat ascii 1.0\n" + head + text).encode(),
        ("ply\nformat binary_little_endian 1.0\n" + head).encode() + packed,
    ]


def _figures(folder: Path) -> list[bytes]:
    write_glb(folder / "tube.glb", build_tube_character())
    return [write_figure(folder / "figure.glb").read_bytes(), (folder / "tube.glb").read_bytes()]


def _characters(folder: Path) -> list[bytes]:
    character = build_tube_character()
    for name, clips in (("one", character.clips[:1]), ("none", ())):
        write_glb(folder / f"{name}.glb", dataclasses.replace(character, clips=clips))
    return [(folder / f"{name}.glb").read_bytes() for name in ("one", "none")]


def _moving(folder: Path) -> list[bytes]:
    return [_characters(folder)[0], write_figure(folder / "figure.glb").read_bytes()]


def _gltfs(folder: Path) -> list[bytes]:
    data = write_figure(folder / "figure.glb").read_bytes()
    (length,) = struct.unpack_from("<I", data, 12)
    document = json.loads(data[20 : 20 + length])
    document["buffers"][0]["uri"] = (
        "data:application/octet-stream;base64," + base64.b64encode(data[28 + length :]).decode()
    )
    return [json.dumps(document).encode()]


def _smplx(folder: Path) -> list[bytes]:
    return [write_smplx(folder / "model.npz").read_bytes()]


def _bvhs(folder: Path) -> list[bytes]:
    walk = turns(6, LeftArm=("z", 60.0), RightLeg=("x", 30.0))
    return [write_bvh(folder / "walk.bvh", walk, (10.0, 0.0, 50.0)).read_bytes()]


def _amass(folder: Path) -> list[bytes]:
    rng = np.random.default_rng(0)
    return [
        write_amass(folder / "a.npz", 0.2 * rng.standard_normal((8, 156)), np.zeros((8, 3))).read_bytes(),
        write_amass(folder / "b.npz", 0.2 * rng.standard_normal((8, 72))).read_bytes(),
    ]


def _checkpoints(_: Path) -> list[bytes]:
    return [dump_scene(snapshot(_scene()), 12)]


def _read_checkpoint(path: Path) -> object:
    return restore_scene(_scene(), path.read_bytes(), path.name)


def _states(_: Path) -> list[bytes]:
    config, scene = small_config(), _scene()
    parts = small_parts(config, _body())
    optimiser = SceneOptimiser(scene, config.optimiser, 12)
    for parameter in scene.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimiser.step(0)
    best, plateau = BestState(scene, 12), Plateau(4, 12)
    best.see(10, 0.5)
    plateau.see(1, 0.5)
    progress = Progress(3, 0, 1.5, 100, "digest", 1.0)
    generator = torch.Generator()
    return [dump_state(progress, scene, best, plateau, optimiser, parts.poses, generator, generator)]


def _read_state(path: Path) -> object:
    state = read_state(path.read_bytes(), path.name)
    config, scene = small_config(), _scene()
    state.load_start(scene)
    parts = small_parts(config, _body())
    optimiser = SceneOptimiser(scene, config.optimiser, 12)
    generator = torch.Generator()
    return state.load(scene, BestState(scene, 12), Plateau(4, 12), optimiser, parts.poses, generator, generator)


def _logs(_: Path) -> list[bytes]:
    return [b'{"event": "started", "step": 0}\n{"event": "step", "step": 1}\n{"event": "done", "is_stopped": true}\n']


def _read_run(path: Path) -> object:
    """One file stands for all of a run's records in turn."""
    run = Run(path.parent / "run")
    for folder in ("checkpoints", "previews", "result"):
        (run.path / folder).mkdir(parents=True, exist_ok=True)
    data = path.read_bytes()
    is_log = data[:1] == b"{" and b"event" in data
    run.events_path.write_bytes(data if is_log else b"")
    run.config_path.write_bytes(b"seed: 1\nprompts:\n  - text: a man\n")
    run.environment_path.write_bytes(b"{}" if is_log else data)
    Library(path.parent).summaries()
    load_record(run.path)
    return prepare_resume(run.path)


def _encoders(folder: Path) -> list[bytes]:
    """The files of a tiny checkpoint; each is told by how it begins."""
    whole = write_mini(folder / "encoder", pictured=("blue", "dragon"))
    return [(whole / name).read_bytes() for name in ("config.json", "tokenizer.json", "model.safetensors")]


def _read_encoder(path: Path) -> object:
    """One file in place of that of a sound checkpoint."""
    whole, data = path.parent / "encoder", path.read_bytes()
    if not whole.is_dir():
        write_mini(whole)
    kinds = {"config.json": b'"model_type"', "tokenizer.json": b'"added_tokens"'}
    name = next((name for name, word in kinds.items() if word in data[:2000]), "model.safetensors")
    sound = (whole / name).read_bytes()
    try:
        (whole / name).write_bytes(data)
        return load_guidance(str(whole)).encode_texts(["a blue dragon"])
    finally:
        (whole / name).write_bytes(sound)


def _environments(_: Path) -> list[bytes]:
    return [b'{"torch_threads": 2, "packages": {"torch": "2.0"}, "weights": null, "processor": "x"}']


def _tries(_: Path) -> list[bytes]:
    results = [{"seed": 0, "score": 0.5, "is_healthy": True}, {"seed": 1, "score": 0.25, "is_healthy": False}]
    return [json.dumps({"num": 4, "judge": "", "results": results, "chosen": None}).encode()]


READERS = {
    "settings": Reader(".yaml", _settings, _read_settings),
    "picture": Reader(".png", _pictures, read_picture),
    "pickle": Reader(".pkl", _pickles, lambda path: read_pickled_arrays(path, ("v", "f", "name", "more"))),
    "prompt": Reader(".txt", _texts, _read_text),
    "obj": Reader(".obj", _objs, load_mesh),
    "ply": Reader(".ply", _plys, load_mesh),
    "glb body": Reader(".glb", _figures, load_gltf),
    "gltf body": Reader(".gltf", _gltfs, load_gltf),
    "glb inspect": Reader(".glb", _figures, inspect_file),
    "glb character": Reader(".glb", _characters, read_character),
    "smplx": Reader(".npz", _smplx, load_smplx),
    "bvh": Reader(".bvh", _bvhs, lambda path: read_motion(path, Excerpt())),
    "glb motion": Reader(".glb", _moving, lambda path: read_motion(path, Excerpt())),
    "amass": Reader(".npz", _amass, lambda path: read_motion(path, Excerpt())),
    "encoder": Reader(".bin", _encoders, _read_encoder),
    "checkpoint": Reader(".safetensors", _checkpoints, _read_checkpoint),
    "state": Reader(".safetensors", _states, _read_state),
    "run log": Reader(".jsonl", _logs, _read_run),
    "environment": Reader(".json", _environments, _read_run),
    "tries": Reader(".json", _tries, read_record),
}
