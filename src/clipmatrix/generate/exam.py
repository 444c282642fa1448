"""How well a scene fits its texts in views that no descent has seen; knows nothing of how the scene came about."""

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.poses import key_poses
from clipmatrix.config import RunConfig
from clipmatrix.generate.parts import Parts
from clipmatrix.generate.score import rival_embeddings
from clipmatrix.guidance.augment import compose
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.scoring import contrast_scores
from clipmatrix.render.pipeline import render
from clipmatrix.scene.lights import plain_lights
from clipmatrix.scene.scene import Scene
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import Cameras

NUM_VIEWS = 24
_SEED = 20_211_201
_BACKGROUNDS = ((0.16, 0.16, 0.16), (0.5, 0.5, 0.5), (0.88, 0.88, 0.88), (0.42, 0.5, 0.62), (0.6, 0.55, 0.45))
_AT_ONCE = 8


class Exam:
    """Looks at scenes of one body in ``NUM_VIEWS`` views, the same for all.

    The descent mixes its poses, draws its cameras and its backgrounds anew in each step and lights with what it learns;
    here the key poses themselves stand before plain backgrounds in plain light, seen by cameras of a seed of their own.
    Plain forms are not asked for, since a figure is delivered with its texture.
    """

    def __init__(self, parts: Parts, judge: Guidance, config: RunConfig) -> None:
        self._body, self._parts, self._judge = parts.body, parts, judge
        self._textured = torch.tensor([prompt.textured for prompt in config.prompts])
        if not bool(self._textured.any()):
            self._textured = torch.ones_like(self._textured)
        texts = [prompt.text for prompt in config.prompts]
        with torch.no_grad():
            self._targets = judge.encode_texts(texts).float()
            self._rivals = [rival_embeddings(judge, text) for text in texts]

    def __call__(self, scene: Scene) -> float:
        """The mean probability, in [0, 1], of a view's text among near misses, other looks and plain figures."""
        generator = torch.Generator().manual_seed(_SEED)
        with torch.no_grad():
            vertices = scene.pose(scene.deform(), _rotations(self._body))
            vertices = vertices[torch.arange(NUM_VIEWS) % len(vertices)]
            shots = self._parts.shots.sample(vertices, NUM_VIEWS, generator)
            rows = torch.nonzero(self._textured.index_select(0, shots.prompt_ids)).squeeze(1)
            probabilities: list[Tensor] = []
            for some in rows.split(_AT_ONCE):
                cameras = Cameras(shots.cameras.view_from_world[some], shots.cameras.clip_from_view[some])
                embeddings = self._encode(scene, vertices[some], cameras, some)
                for row, prompt_id in enumerate(shots.prompt_ids[some].tolist()):
                    mine = embeddings[row : row + 1], self._targets[prompt_id : prompt_id + 1]
                    probabilities.append(contrast_scores(*mine, self._rivals[prompt_id]).exp())
        return float(torch.cat(probabilities).mean())

    def _encode(
        self, scene: Scene, vertices: Float[Tensor, "b v 3"], cameras: Cameras, views: Tensor
    ) -> Float[Tensor, "b d"]:
        side = self._judge.image_size
        surface = scene.textured(vertices, plain_lights())
        images = render(surface, cameras, ImageSize(side, side), rasterizer=self._parts.rasterizer)
        backgrounds = torch.tensor(_BACKGROUNDS)[views % len(_BACKGROUNDS)]
        pictures = compose(images.rgb, images.alpha, backgrounds[:, None, None, :])
        return self._judge.encode_images(pictures).float()


def _rotations(body: Body) -> Float[Tensor, "b j 3 3"]:
    """All key poses of a humanoid, and the rest pose of anything else."""
    if body.humanoid:
        return torch.stack(list(key_poses(body).values()))
    return torch.eye(3).expand(1, len(body.rig.joint_names), 3, 3)
