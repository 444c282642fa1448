"""How well a scene fits its texts in views that no descent has seen; knows nothing of how the scene came about."""

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.poses import key_poses
from clipmatrix.config import RunConfig
from clipmatrix.generate.parts import Parts
from clipmatrix.generate.score import rival_embeddings
from clipmatrix.guidance.augment import compose
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.pictures import with_pictures
from clipmatrix.guidance.prompts import Prompt
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
    Plain forms are not asked for, since a figure is delivered with its texture, nor what it is to keep away from.
    ``config`` is resolved.
    """

    def __init__(self, parts: Parts, judge: Guidance, config: RunConfig) -> None:
        self._body, self._parts = parts.body, parts
        prompts = config.prompts
        self._judge = judge = with_pictures(judge, {one.target: one.image for one in prompts if one.image})
        self._outfits = [prompt.texture for prompt in prompts]
        self._is_asked = _asked(prompts)
        texts = [prompt.target for prompt in prompts]
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
            probabilities: list[Tensor] = []
            for outfit, some in self._batches(shots.prompt_ids):
                cameras = Cameras(shots.cameras.view_from_world[some], shots.cameras.clip_from_view[some])
                embeddings = self._encode(scene, outfit, vertices[some], cameras, some)
                for row, prompt_id in enumerate(shots.prompt_ids[some].tolist()):
                    mine = embeddings[row : row + 1], self._targets[prompt_id : prompt_id + 1]
                    probabilities.append(contrast_scores(*mine, self._rivals[prompt_id]).exp())
        return float(torch.cat(probabilities).mean())

    def _batches(self, prompt_ids: Int64[Tensor, "b"]) -> Iterator[tuple[str, Int64[Tensor, "_"]]]:
        """The views that are asked for, each texture set apart and not too many at once."""
        for outfit in dict.fromkeys(self._outfits):
            worn = torch.tensor([one == outfit for one in self._outfits]) & self._is_asked
            rows = torch.nonzero(worn.index_select(0, prompt_ids)).squeeze(1)
            if len(rows):
                yield from ((outfit, some) for some in rows.split(_AT_ONCE))

    def _encode(
        self, scene: Scene, outfit: str, vertices: Float[Tensor, "b v 3"], cameras: Cameras, views: Tensor
    ) -> Float[Tensor, "b d"]:
        side = self._judge.image_size
        surface = scene.textured(vertices, plain_lights(), outfit=outfit)
        images = render(surface, cameras, ImageSize(side, side), rasterizer=self._parts.rasterizer)
        backgrounds = torch.tensor(_BACKGROUNDS)[views % len(_BACKGROUNDS)]
        pictures = compose(images.rgb, images.alpha, backgrounds[:, None, None, :])
        return self._judge.encode_images(pictures).float()


def _asked(prompts: tuple[Prompt, ...]) -> Bool[Tensor, "p"]:
    """Which prompts a finished figure is asked for: textured ones that are followed, else whatever is there."""
    wishes = (
        [prompt.textured and prompt.weight > 0 for prompt in prompts],
        [prompt.weight > 0 for prompt in prompts],
    )
    return torch.tensor(next((wish for wish in wishes if any(wish)), [True] * len(prompts)))


def _rotations(body: Body) -> Float[Tensor, "b j 3 3"]:
    """All key poses of a humanoid, and the rest pose of anything else."""
    if body.humanoid:
        return torch.stack(list(key_poses(body).values()))
    return torch.eye(3).expand(1, len(body.rig.joint_names), 3, 3)
