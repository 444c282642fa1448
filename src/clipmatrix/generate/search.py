"""Search before descent: procedural looks ranked by the guidance, the best of them varied; knows no gradient.

Words first: thousands of looks are described, and those whose descriptions lie nearest to the prompt are kept. Then
pictures: those looks are rendered small, scored against near misses of the prompt, and evolved.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.poses import key_poses
from clipmatrix.generate.variation import vary
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.prompts import Prompt
from clipmatrix.procedural.captions import write_caption
from clipmatrix.procedural.characters import character_ids, implied_builds
from clipmatrix.procedural.looks import (
    Layer,
    Layout,
    Look,
    build_layer,
    sample_look,
)
from clipmatrix.procedural.near_misses import write_near_misses
from clipmatrix.procedural.search_config import SearchConfig
from clipmatrix.procedural.tables import CHANGES, PHENOTYPES, SLOTS, materials
from clipmatrix.procedural.told import says_only_builds, told_builds
from clipmatrix.render.bake import bake_albedo, bake_offset, find_texels
from clipmatrix.render.looks_cpu import LookViews, PosedBodies, render_looks
from clipmatrix.render.posed_bodies import pose_bodies, shape_from_phenotypes
from clipmatrix.scene.start import Start

_BATCH = 48
_WORDINGS = 3
"""Descriptions tried for each look; the one nearest to the prompt counts."""

_VIEW_AZIMUTHS = (0.35, 2.7, -0.5)
_VIEW_POSES = ("stand", "walk_left", "a_pose")
_USUAL = np.array([0.5, 0.66, 0.5, 0.5, 0.5, 0.5])
_LIGHT = np.array([0.55, 0.55, 0.55, 0.37, 0.55, 0.75, 0.6, 0.6, 0.6])
_GREY = np.array([0, 0.72, 0.72, 0.72, 0.72, 0.72, 0.72, 5, 1])


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The best look as a start, what it is in words, and small pictures (n h w 3) of the best few, best first."""

    start: Start
    caption: str
    candidates: np.ndarray


@dataclass(frozen=True, eq=False)
class _Target:
    """One prompt ready for scoring: its embedding, its rivals' and what its pictures frame."""

    prompt: Prompt
    embedding: Float[Tensor, "d"]
    rivals: Float[Tensor, "p d"]
    frames: tuple[np.ndarray, ...]


def _frames(prompt: Prompt, body: Body) -> tuple[np.ndarray, ...]:
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


class _Judge:
    """Renders looks and scores them by the guidance: mean log-probability of the prompt against its rivals."""

    def __init__(self, body: Body, prompts: tuple[Prompt, ...], guidance: Guidance, config: SearchConfig) -> None:
        self.body, self.guidance, self.config = body, guidance, config
        rng = np.random.default_rng(2021)
        bank = [write_caption(rng, sample_look(rng)).text for _ in range(48)]
        self.targets: list[_Target] = []
        for prompt in prompts:
            rivals = [*write_near_misses(prompt.text), "a person", "a grey mannequin", *bank]
            embeddings = guidance.encode_texts([prompt.text, *rivals])
            self.targets.append(_Target(prompt, embeddings[0], embeddings[1:], _frames(prompt, body)))
        poses = key_poses(body) if body.humanoid else {}
        joints = len(body.rig.joint_names)
        eye = torch.eye(3).expand(joints, 3, 3)
        self.rotations = torch.stack([poses.get(name, eye) for name in _VIEW_POSES])
        self.scale: float | None = None
        self._posed: dict[bytes, PosedBodies] = {}
        self._worded: dict[bytes, float] = {}
        self._known: dict[int, dict[bytes, np.ndarray]] = {id(target): {} for target in self.targets}

    def _views(self, looks: list[Look], target: _Target) -> LookViews:
        num = len(target.frames)
        views = LookViews.empty(len(looks) * num)
        plaster = build_layer(np.random.default_rng(0), materials()["plaster"])
        for i, look in enumerate(looks):
            for k in range(num):
                row = i * num + k
                views.pose_ids[row] = i * len(_VIEW_POSES) + k
                views.layers[row] = look.layer_params if target.prompt.textured else plaster.params
                views.changes[row] = look.changes
                views.seeds[row] = look.seed & 0xFFFF
                views.roughness[row], views.metallic[row] = look.roughness, look.metallic
                views.frame_slots[row] = target.frames[k]
                views.cameras[row] = (_VIEW_AZIMUTHS[k], 0.08, 0.6, 0, 0.92, 0, 0)
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
            shape_ids=np.repeat(np.arange(len(parts)), len(_VIEW_POSES)),
        )

    def render(self, looks: list[Look], target: _Target, size: int) -> np.ndarray:
        """Pictures (looks, views, h, w, 3) in uint8."""
        pictures = render_looks(self._bodies(looks), self._views(looks, target), size)
        return pictures.reshape(len(looks), len(target.frames), size, size, 3)

    def _cosines(self, looks: list[Look], target: _Target) -> np.ndarray:
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
            # The plain cosine keeps ranking where the probability is saturated.
            totals += target.prompt.weight * (log_probability + 0.35 * logits[..., 0]).mean(1)
        totals += self.config.wording * self.scale * self._wording(looks)
        return totals - self.config.simplicity * np.array([_complexity(look) for look in looks])

    def _wording(self, looks: list[Look]) -> np.ndarray:
        """How near each look's own description comes to the whole-body prompts, as a weighted cosine.

        A small picture hardly shows what its description says plainly: that it is fat, or whose colour is whose.
        """
        targets = [target for target in self.targets if target.prompt.region == "whole" and target.prompt.textured]
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


def _complexity(look: Look) -> float:
    """How many things the look has that nobody may have asked for."""
    is_unusual, is_changed = np.abs(look.phenotypes[1:5] - _USUAL[1:5]) > 0.2, look.changes != 0
    if look.role is not None:
        # A character is one thing: what belongs to it costs nothing more.
        implied = implied_builds(character_ids()[look.role.name]) != 0
        is_unusual, is_changed = is_unusual & ~implied[1:5], is_changed & ~implied[5:]
        layers = 1 + len({id(look.layers[slot]) for slot in look.exchanged})
    else:
        layers = len({id(layer) for layer in look.layers}) - 1
    return float(layers + 1.5 * is_unusual.sum() + 5.0 * is_changed.sum())


@dataclass(frozen=True, eq=False)
class _Given:
    """What the words settle before any picture is seen: builds by axis, and the skin where no colour is asked for."""

    builds: Mapping[str, int]
    bare: Layer | None
    has_parts: bool = True


def _read(prompts: tuple[Prompt, ...], rng: np.random.Generator) -> _Given:
    told: dict[str, int] = {}
    for prompt in reversed([prompt for prompt in prompts if prompt.region == "whole"]):
        told.update(told_builds(prompt.text))
    skin = build_layer(rng, materials()["skin"])
    return _Given(told, skin if all(says_only_builds(prompt.text) for prompt in prompts) else None)


def _settle(look: Look, given: _Given) -> Look:
    """The look with every coefficient of its build either usual or clearly not: few builds, each posed once.

    What the words name is as they say. Where they speak of nothing but the build, the look wears bare skin.
    """
    if not given.has_parts:
        return _whole(look, given.builds)
    settled = np.where(look.phenotypes < 0.2, 0.05, np.where(look.phenotypes > 0.8, 0.95, _USUAL))
    settled[0] = 0.05 if look.phenotypes[0] < 0.5 else 0.95
    settled[1] = 0.38 if look.phenotypes[1] < 0.45 else settled[1]
    # Who names a build has said how the form should be: no other change is tried, but for a character's own.
    changes = look.changes.copy()
    role = look.role if given.bare is None else None
    if set(given.builds) - {"gender"}:
        changes *= 0 if role is None else implied_builds(character_ids()[role.name])[5:] != 0
    for axis, end in given.builds.items():
        if axis in CHANGES:
            changes[CHANGES.index(axis)] = 0.9 * end
            continue
        settled[PHENOTYPES.index(axis)] = (0.38 if axis == "age" else 0.0) if end < 0 else 1.0
    if given.builds.get("weight") == 1 and "muscle" not in given.builds:
        # Under muscle, weight hardly shows.
        settled[PHENOTYPES.index("muscle")] = 0.1
    layout, layers = (look.layout, look.layers) if given.bare is None else (Layout.UNIFORM, (given.bare,) * len(SLOTS))
    return replace(look, layout=layout, layers=layers, phenotypes=settled, changes=changes, role=role)


_ANYWHERE = np.isin(CHANGES, ("spikes", "lumps", "inflation", "drips", "plates"))
"""Changes of form that need no part of a figure."""


def _whole(look: Look, builds: Mapping[str, int]) -> Look:
    """The look for a body without parts: one surface all over, no build, and what change needs no limb.

    Where the words name such changes, it has those and no others.
    """
    layers = (look.layers[SLOTS.index("torso")],) * len(SLOTS)
    told = np.array([0.9 * builds.get(name, 0) for name in CHANGES])
    changes = np.where(_ANYWHERE, told if (told * _ANYWHERE).any() else look.changes, 0.0)
    return replace(look, layout=Layout.UNIFORM, layers=layers, phenotypes=_USUAL.copy(), changes=changes, role=None)


def _shortlist(
    rng: np.random.Generator, prompts: tuple[Prompt, ...], guidance: Guidance, config: SearchConfig,
    on_progress: Callable[[int], None],
) -> list[Look]:  # fmt: skip
    """Looks whose captions lie nearest to the prompts, evolved on words alone."""
    described = [prompt for prompt in prompts if prompt.region == "whole"] or list(prompts)
    wanted = guidance.encode_texts([prompt.text for prompt in described])
    weights = torch.tensor([max(prompt.weight, 0.0) for prompt in described]).to(wanted)

    def rank(looks: list[Look]) -> np.ndarray:
        captions = [write_caption(rng, look).text for look in looks]
        scores = torch.cat(
            [guidance.encode_texts(captions[i : i + 256]) @ wanted.T for i in range(0, len(captions), 256)]
        )
        on_progress(len(looks))
        return (scores * weights).sum(1).float().cpu().numpy()

    pool = [sample_look(rng) for _ in range(config.num_sentences)]
    scores = rank(pool)
    keep = 2 * config.num_candidates
    for _ in range(config.num_sentence_rounds):
        order = np.argsort(-scores, kind="stable")[:keep]
        pool, scores = [pool[i] for i in order], scores[order]
        parents = pool[: max(2, keep // 8)]
        children = [
            vary(rng, parents[rng.integers(len(parents))], parents[rng.integers(len(parents))])
            for _ in range(config.num_sentences // 3)
        ]
        pool, scores = pool + children, np.concatenate([scores, rank(children)])
    order = np.argsort(-scores, kind="stable")
    return [pool[i] for i in order]


def num_steps(config: SearchConfig) -> int:
    """How many looks the search ranks in all, for a progress bar."""
    words = config.num_sentences + config.num_sentence_rounds * (config.num_sentences // 3)
    return words + config.num_candidates + config.num_rounds * config.num_variations


def search_start(
    body: Body,
    prompts: tuple[Prompt, ...],
    guidance: Guidance,
    config: SearchConfig,
    texture_size: int,
    seed: int,
    on_progress: Callable[[int], None] = lambda count: None,
) -> SearchResult:
    """The look that fits the prompts best, as a start for the descent.

    ``on_progress`` is told how many more looks were ranked. Prompts of negative weight repel. Some seconds with the
    embedded encoder; with a large one most of the time is its own. The same seed gives the same start.
    """
    rng = np.random.default_rng((seed, 17))
    judge = _Judge(body, prompts, guidance, config)
    given = replace(_read(prompts, rng), has_parts="head" in body.regions)
    listed = _shortlist(rng, prompts, guidance, config, on_progress)
    num_listed = max(1, int(0.75 * config.num_candidates))
    pool = listed[:num_listed] + [sample_look(rng, 0.3) for _ in range(config.num_candidates - num_listed)]
    pool = [_settle(look, given) for look in pool]
    scores = judge.score(pool, on_progress)
    for _ in range(config.num_rounds):
        order = np.argsort(-scores, kind="stable")[: config.num_parents]
        pool, scores = [pool[i] for i in order], scores[order]
        children = [
            _settle(
                vary(rng, pool[min(rng.integers(len(pool)), rng.integers(len(pool)))], pool[rng.integers(len(pool))]),
                given,
            )
            for _ in range(config.num_variations)
        ]
        pool, scores = pool + children, np.concatenate([scores, judge.score(children, on_progress)])
    order = np.argsort(-scores, kind="stable")
    best = pool[order[0]]
    shape = shape_from_phenotypes(body, best.phenotypes)
    start = Start(
        shape=shape,
        offset=bake_offset(best, body, shape),
        albedo_srgb=bake_albedo(best, body, find_texels(body.template, texture_size)),
        roughness=best.roughness,
        metallic=best.metallic,
    )
    shown = judge.render([pool[i] for i in order[:8]], judge.targets[0], 160)
    return SearchResult(start, write_caption(np.random.default_rng(0), best).text, shown[:, 0])
