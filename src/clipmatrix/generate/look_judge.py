"""Renders looks small and scores them by the guidance, against near misses of the prompts; knows no search."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.poses import key_poses
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.prompts import Prompt, is_picture_key
from clipmatrix.procedural.captions import write_caption
from clipmatrix.procedural.characters import character_ids, implied_builds
from clipmatrix.procedural.looks import Look, build_layer, sample_look
from clipmatrix.procedural.near_misses import write_near_misses
from clipmatrix.procedural.search_config import SearchConfig
from clipmatrix.procedural.tables import SLOTS, materials
from clipmatrix.render.looks_cpu import LookViews, PosedBodies, render_looks
from clipmatrix.render.posed_bodies import pose_bodies, shape_from_phenotypes

_BATCH = 48
_PICTURE = 2.0
"""How much the plain cosine to a picture counts: any look is likelier than any text, so nothing else ranks them."""

_WORDINGS = 3
"""Descriptions tried for each look; the one nearest to the prompt counts."""

VIEW_AZIMUTHS = (0.35, 2.7, -0.5)
VIEW_POSES = ("stand", "walk_left", "a_pose")
USUAL = np.array([0.5, 0.66, 0.5, 0.5, 0.5, 0.5])
"""The phenotypes of nobody in particular."""

_LIGHT = np.array([0.55, 0.55, 0.55, 0.37, 0.55, 0.75, 0.6, 0.6, 0.6])
_GREY = np.array([0, 0.72, 0.72, 0.72, 0.72, 0.72, 0.72, 5, 1])


@dataclass(frozen=True, eq=False)
class Target:
    """One prompt ready for scoring: its embedding, its rivals' and what its pictures frame."""

    prompt: Prompt
    embedding: Float[Tensor, "d"]
    rivals: Float[Tensor, "p d"]
    frames: tuple[np.ndarray, ...]


def frames_of(prompt: Prompt, body: Body) -> tuple[np.ndarray, ...]:
    """What each view frames: of the whole body front, back and head, where it has one; a part or a plain form once."""
    whole = np.ones(len(SLOTS))
    if prompt.region != "whole":
        part = np.zeros(len(SLOTS))
        part[SLOTS.index(prompt.region)] = 1
        return (part,)
    if not prompt.textured:
        return (whole,)
    if "head" not in body.regions:
        return whole, whole
    head = np.zeros(len(SLOTS))
    head[SLOTS.index("head")] = 1
    return whole, whole, head


class LookJudge:
    """Renders looks and scores them by the guidance: mean log-probability of the prompt against its rivals."""

    def __init__(self, body: Body, prompts: tuple[Prompt, ...], guidance: Guidance, config: SearchConfig) -> None:
        self.body, self.guidance, self.config = body, guidance, config
        rng = np.random.default_rng(2021)
        bank = [write_caption(rng, sample_look(rng)).text for _ in range(48)]
        self.targets: list[Target] = []
        for prompt in prompts:
            rivals = [*write_near_misses(prompt.text), "a person", "a grey mannequin", *bank]
            embeddings = guidance.encode_texts([prompt.text, *rivals])
            self.targets.append(Target(prompt, embeddings[0], embeddings[1:], frames_of(prompt, body)))
        poses = key_poses(body) if body.humanoid else {}
        joints = len(body.rig.joint_names)
        eye = torch.eye(3).expand(joints, 3, 3)
        self.rotations = torch.stack([poses.get(name, eye) for name in VIEW_POSES])
        self.scale: float | None = None
        self._posed: dict[bytes, PosedBodies] = {}
        self._worded: dict[bytes, float] = {}
        self._known: dict[int, dict[bytes, np.ndarray]] = {id(target): {} for target in self.targets}

    def _views(self, looks: list[Look], target: Target) -> LookViews:
        num = len(target.frames)
        views = LookViews.empty(len(looks) * num)
        plaster = build_layer(np.random.default_rng(0), materials()["plaster"])
        for i, look in enumerate(looks):
            for k in range(num):
                row = i * num + k
                views.pose_ids[row] = i * len(VIEW_POSES) + k
                views.layers[row] = look.layer_params if target.prompt.textured else plaster.params
                views.changes[row] = look.changes
                views.seeds[row] = look.seed & 0xFFFF
                views.roughness[row], views.metallic[row] = look.roughness, look.metallic
                views.frame_slots[row] = target.frames[k]
                views.cameras[row] = (VIEW_AZIMUTHS[k], 0.08, 0.6, 0, 0.92, 0, 0)
                views.lights[row], views.backgrounds[row] = _LIGHT, _GREY
        return views

    def _bodies(self, looks: list[Look]) -> PosedBodies:
        """The looks' bodies in the poses of the views; each build is posed once in a search."""
        parts = []
        for look in looks:
            key = look.phenotypes.tobytes()
            if key not in self._posed:
                shape = shape_from_phenotypes(self.body, look.phenotypes)
                self._posed[key] = pose_bodies(self.body, shape[None], self.rotations[None])
            parts.append(self._posed[key])
        return replace(
            parts[0],
            rest=np.concatenate([part.rest for part in parts]),
            rest_normals=np.concatenate([part.rest_normals for part in parts]),
            skinning=np.concatenate([part.skinning for part in parts]),
            shape_ids=np.repeat(np.arange(len(parts)), len(VIEW_POSES)),
        )

    def render(self, looks: list[Look], target: Target, size: int) -> np.ndarray:
        """Pictures (looks, views, h, w, 3) in uint8."""
        pictures = render_looks(self._bodies(looks), self._views(looks, target), size)
        return pictures.reshape(len(looks), len(target.frames), size, size, 3)

    def _cosines(self, looks: list[Look], target: Target) -> np.ndarray:
        """Cosines (looks, views, texts) with the prompt and its rivals; what was seen before is not rendered again."""
        keys = [_appearance(look, target.prompt.textured) for look in looks]
        known = self._known[id(target)]
        fresh = {key: look for key, look in zip(keys, looks, strict=True) if key not in known}
        if fresh:
            size = self.guidance.image_size
            pictures = self.render(list(fresh.values()), target, size).reshape(-1, size, size, 3)
            images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255.0
            with torch.no_grad():
                embedded = self.guidance.encode_images(images.to(target.embedding.device))
            texts = torch.cat([target.embedding[None], target.rivals])
            cosines = (embedded @ texts.T).float().cpu().numpy()
            known.update(zip(fresh, cosines.reshape(len(fresh), len(target.frames), -1), strict=True))
        return np.stack([known[key] for key in keys])

    def score(self, looks: list[Look], on_progress: Callable[[int], None]) -> np.ndarray:
        """One number a look: higher is better; in nats, less what its complications cost."""
        cosines: list[list[np.ndarray]] = [[] for _ in self.targets]
        for start in range(0, len(looks), _BATCH):
            part = looks[start : start + _BATCH]
            for gathered, target in zip(cosines, self.targets, strict=True):
                gathered.append(self._cosines(part, target))
            on_progress(len(part))
        stacked = [np.concatenate(gathered) for gathered in cosines]
        if self.scale is None:
            # Encoders differ in how far their cosines spread: measure it once, on looks that fit nothing special.
            self.scale = float(2.5 / max(np.mean([c[..., 1:].std() for c in stacked]), 1e-4))
        totals = np.zeros(len(looks))
        for target, cosine in zip(self.targets, stacked, strict=True):
            logits = cosine * self.scale
            top = logits.max(-1, keepdims=True)
            log_probability = logits[..., 0] - (top[..., 0] + np.log(np.exp(logits - top).sum(-1)))
            # The plain cosine keeps ranking where the probability is saturated, as it is beside a picture.
            plain = _PICTURE if is_picture_key(target.prompt.text) else 0.35
            totals += target.prompt.weight * (log_probability + plain * logits[..., 0]).mean(1)
        totals += self.config.wording * self.scale * self._wording(looks)
        return totals - self.config.simplicity * np.array([complexity(look) for look in looks])

    def _wording(self, looks: list[Look]) -> np.ndarray:
        """How near each look's own description comes to the whole-body prompts, as a weighted cosine.

        A small picture hardly shows what its description says plainly: that it is fat, or whose colour is whose.
        """
        targets = [
            target
            for target in self.targets
            if target.prompt.region == "whole" and target.prompt.textured and not is_picture_key(target.prompt.text)
        ]
        if not targets:
            return np.zeros(len(looks))
        wanted = torch.stack([target.prompt.weight * target.embedding for target in targets]).sum(0)
        fresh = [look for look in looks if _appearance(look, True) not in self._worded]
        captions = [write_caption(np.random.default_rng(k), look).text for look in fresh for k in range(_WORDINGS)]
        if captions:
            cosines = (self.guidance.encode_texts(captions) @ wanted).float().cpu().numpy()
            best = cosines.reshape(len(fresh), _WORDINGS).max(1)
            self._worded.update(
                (_appearance(look, True), float(value)) for look, value in zip(fresh, best, strict=True)
            )
        return np.array([self._worded[_appearance(look, True)] for look in looks])


def _appearance(look: Look, is_textured: bool) -> bytes:
    """What decides how a look's pictures come out; its colours only where they are seen."""
    form = look.phenotypes.tobytes() + look.changes.tobytes() + (str(look.seed) if look.changes.any() else "").encode()
    return form + look.layer_params.tobytes() if is_textured else form


def complexity(look: Look) -> float:
    """How many things the look has that nobody may have asked for."""
    is_unusual, is_changed = np.abs(look.phenotypes[1:5] - USUAL[1:5]) > 0.2, look.changes != 0
    if look.role is not None:
        # A character is one thing: what belongs to it costs nothing more.
        implied = implied_builds(character_ids()[look.role.name]) != 0
        is_unusual, is_changed = is_unusual & ~implied[1:5], is_changed & ~implied[5:]
        layers = 1 + len({id(look.layers[slot]) for slot in look.exchanged})
    else:
        layers = len({id(layer) for layer in look.layers}) - 1
    return float(layers + 1.5 * is_unusual.sum() + 5.0 * is_changed.sum())
