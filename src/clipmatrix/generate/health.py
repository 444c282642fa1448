"""The health of scenes, runs and files; knows what to measure against, not how it is measured."""

import json
from pathlib import Path

import torch

from clipmatrix.bodies.body import Body
from clipmatrix.config import RunConfig, load_config
from clipmatrix.errors import ClipMatrixError, RunError
from clipmatrix.export.glb_reading import read_glb_surface
from clipmatrix.export.textures import uv_coverage
from clipmatrix.generate.blank import blank_scene
from clipmatrix.generate.events import Inspected
from clipmatrix.generate.exporting import srgb_bytes
from clipmatrix.generate.loading import load_figures
from clipmatrix.geometry.mesh import Mesh
from clipmatrix.health.verdicts import Health, judge
from clipmatrix.runs.directory import Run, open_run
from clipmatrix.runs.files import write_whole
from clipmatrix.scene.checkpoint import restore_scene
from clipmatrix.scene.scene import Scene
from clipmatrix.shapes import ImageSize


def inspect_scene(scene: Scene, body: Body) -> Health:
    """The verdicts on what would be exported, measured against the bare body of the same shape."""
    with torch.no_grad():
        bare = scene.deform.bare().vertices
        vertices = bare + scene.deform.offset()
        albedo = srgb_bytes(scene.texture.srgb())
    # Back faces of an open surface are there for pictures: with them it would enclose nothing.
    num_fronts = len(body.template.faces if body.welds is None else body.welds.faces)
    fronts = body.template.faces[:num_fronts], body.template.face_uvs[:num_fronts]
    mesh = Mesh(vertices, fronts[0], body.template.uvs, fronts[1])
    # What lies beside the islands still shows the start, and is seen by nobody.
    covered = albedo[uv_coverage(body.template, ImageSize(albedo.shape[0], albedo.shape[1]))]
    return judge(mesh, bare, covered[:, None])


def report_health(scene: Scene, body: Body, run: Run) -> Inspected:
    """Writes the verdicts on what was exported into the run.

    Raises:
        RunError: the file cannot be written.
    """
    health = inspect_scene(scene, body)
    write_whole(run.health_path, (json.dumps(health.record(), indent=2) + "\n").encode())
    complaints = tuple(f"{verdict.name}: {verdict.line}" for verdict in health.verdicts if not verdict.is_healthy)
    return Inspected(run.health_path, health.is_healthy, complaints)


def inspect_file(path: Path) -> Health:
    """The verdicts on a GLB that may come from anywhere, by itself.

    Raises:
        ExportError: it cannot be read, or holds no surface.
    """
    surface = read_glb_surface(path)
    return judge(surface.mesh, None, surface.albedo_srgb)


def inspect_run(path: Path) -> Health:
    """The verdicts on a run's best checkpoint; on its GLB alone where an older version's checkpoint cannot be read.

    Raises:
        RunError: it is no run, or has made neither yet.
    """
    run = open_run(path)
    checkpoint = run.result_checkpoint()
    if checkpoint is None and not run.glb_path.is_file():
        raise RunError(f"{path} has no checkpoint and no model yet: continue it with clipmatrix create --resume {path}")
    try:
        if checkpoint is not None:
            return _inspect_checkpoint(run, checkpoint)
    except ClipMatrixError:
        if not run.glb_path.is_file():
            raise
    return inspect_file(run.glb_path)


def _inspect_checkpoint(run: Run, checkpoint: Path) -> Health:
    config: RunConfig = load_config(run.config_path)
    body = load_figures(config.body, config.subdivide, config.body_up, config.num_figures)
    scene = blank_scene(body, config)
    try:
        data = checkpoint.read_bytes()
    except OSError as error:
        raise RunError(f"{checkpoint} cannot be read ({error.strerror}): name another run") from error
    restore_scene(scene, data, str(checkpoint))
    return inspect_scene(scene, body)
