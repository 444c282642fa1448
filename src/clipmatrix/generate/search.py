"""Search before descent: procedural looks ranked by the guidance, the best of them varied; knows no gradient.

What the tables know of the prompt is read from its words and worn by every look; what they do not know is guessed from
meaning, or searched: thousands of looks are described, and those whose descriptions lie nearest to the prompt are
kept. Then pictures decide: looks are rendered small, scored against near misses of the prompt, and evolved.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.bodies.body import Body
from clipmatrix.generate.finishing import finish, measure_figure
from clipmatrix.generate.guessing import Meaning, Meanings, described, reworded, understand
from clipmatrix.generate.look_judge import LookJudge
from clipmatrix.generate.settling import Given, read_given, settle
from clipmatrix.generate.variation import vary
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.prompts import Prompt, is_picture_key
from clipmatrix.procedural.captions import TORSO, write_caption
from clipmatrix.procedural.dressing import dress, impose, redress
from clipmatrix.procedural.faces import face_of, read_face
from clipmatrix.procedural.looks import Look, sample_look, settle_layout
from clipmatrix.procedural.search_config import SearchConfig
from clipmatrix.procedural.understood import Reading
from clipmatrix.render.bake import Texels, bake_albedo, bake_offset, find_texels
from clipmatrix.render.faces import paint_face
from clipmatrix.render.posed_bodies import shape_from_phenotypes
from clipmatrix.scene.start import Start

_DOUBT = 6.0
"""What a guess costs, in nats, times how doubtful it is."""


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The best look as a start, what it is in words, and small pictures (n h w 3) of the best few, best first."""

    start: Start
    caption: str
    candidates: np.ndarray


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A look, and the meaning of the prompts that it wears; None if it was found by its description."""

    look: Look
    meaning: Meaning | None


class _Pool:
    """The candidates of one search, best first, and how more of them are made."""

    def __init__(self, rng: np.random.Generator, meanings: Meanings, given: Given, judge: LookJudge) -> None:
        self.rng, self.meanings, self.given, self.judge = rng, meanings, given, judge
        self.candidates: list[_Candidate] = []
        self.scores = np.zeros(0)

    def add(self, candidates: list[_Candidate], on_progress: Callable[[int], None]) -> None:
        """Scores further candidates, and sorts all."""
        # A look that wears nothing of what the words may mean is as doubtful as a guess can be.
        stray = 1.0 if self.meanings.found else 0.0
        doubts = np.array([candidate.meaning.doubt if candidate.meaning else stray for candidate in candidates])
        scores = self.judge.score([candidate.look for candidate in candidates], on_progress) - _DOUBT * doubts
        everyone, all_scores = self.candidates + candidates, np.concatenate([self.scores, scores])
        order = np.argsort(-all_scores, kind="stable")
        self.candidates, self.scores = [everyone[i] for i in order], all_scores[order]

    def keep(self, num: int) -> None:
        """Forgets all but the best."""
        self.candidates, self.scores = self.candidates[:num], self.scores[:num]

    def dressed(self, num: int, wildness: float = 0.0) -> list[_Candidate]:
        """Looks that wear what was understood, the meanings in turn."""
        found = self.meanings.found
        return [
            _Candidate(settle(dress(self.rng, meaning.reading, wildness), self.given), meaning)
            for meaning in (found[i % len(found)] for i in range(num))
        ]

    def free(self, looks: list[Look]) -> list[_Candidate]:
        """Looks found otherwise, wearing what was understood for certain."""
        worn = [impose(self.rng, look, self.meanings.plain) for look in looks]
        return [_Candidate(settle(look, self.given), None) for look in worn]

    def child(self) -> _Candidate:
        """A variation of one of the better candidates, with something of another one."""
        rng, count = self.rng, len(self.candidates)
        parent = self.candidates[min(rng.integers(count), rng.integers(count))]
        mate = self.candidates[rng.integers(count)]
        if parent.meaning is None:
            return self.free([vary(rng, parent.look, mate.look)])[0]
        look = redress(rng, parent.meaning.reading, parent.look, mate.look if mate.meaning is parent.meaning else None)
        return _Candidate(settle(look, self.given), parent.meaning)


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


def _assorted(looks: list[Look]) -> list[Look]:
    """The looks in the surface of their trunk alone, and each surface's best before the second best of any.

    Captions rank a picture's neighbours only roughly: the right surface is among the first, seldom the first, and what
    they say of parts and of the form is a guess.
    """
    seen: dict[str, int] = {}
    ranks = []
    for look in looks:
        kind = look.layers[TORSO].kind
        ranks.append(seen.get(kind, 0))
        seen[kind] = ranks[-1] + 1
    order = sorted(range(len(looks)), key=lambda index: (ranks[index], index))
    return [_in_one_surface(looks[index]) for index in order]


def _in_one_surface(look: Look) -> Look:
    layers = (look.layers[TORSO],) * len(look.layers)
    return settle_layout(replace(look, layers=layers, changes=np.zeros_like(look.changes), role=None))


def num_steps(config: SearchConfig) -> int:
    """How many looks the search ranks in all at most, for a progress bar; of a prompt that is clear far fewer."""
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
    meanings = understand(prompts, guidance)
    # What was in no caption lies anywhere: pictures are compared with what it is taken for.
    judge = LookJudge(body, reworded(prompts, meanings), guidance, config)
    told, _ = described(prompts)
    given = read_given(told, meanings.plain.characters, rng, "head" in body.regions)
    pool = _Pool(rng, meanings, given, judge)
    is_clear = meanings.is_clear or given.bare is not None or _says_who_or_what(meanings.plain)
    num_rounds, num_candidates, num_variations = config.num_rounds, config.num_candidates, config.num_variations
    if is_clear and meanings.found:
        # The words leave little open: fewer looks, and none that says something else.
        num_dressed = max(1, num_candidates // 3)
        num_rounds, num_variations = (num_rounds + 1) // 2, max(1, num_variations // 2)
        on_progress(num_steps(config) - num_dressed - num_rounds * num_variations)
        pool.add(pool.dressed(num_dressed), on_progress)
    else:
        num_dressed = num_candidates // 3 if meanings.found else 0
        listed = _shortlist(rng, prompts, guidance, config, on_progress)
        num_listed = max(1, int(0.75 * (num_candidates - num_dressed)))
        if any(is_picture_key(prompt.text) for prompt in prompts):
            listed = _assorted(listed)
        free = listed[:num_listed]
        free += [sample_look(rng, 0.3) for _ in range(num_candidates - num_dressed - num_listed)]
        pool.add([*pool.dressed(num_dressed), *pool.free(free)], on_progress)
    for _ in range(num_rounds):
        pool.keep(config.num_parents)
        pool.add([pool.child() for _ in range(num_variations)], on_progress)
    # The encoder has never seen any of that: it has chosen by now.
    figure = measure_figure(body)
    looks = [candidate.look for candidate in pool.candidates[:8]]
    finished = [finish(look, meanings.plain, figure) for look in looks] if figure else looks
    best = finished[0]
    shape = shape_from_phenotypes(body, best.phenotypes)
    start = Start(
        shape=shape,
        offset=bake_offset(best, body, shape),
        albedo_srgb=_with_face(best, meanings.plain, told, body, find_texels(body.template, texture_size)),
        roughness=best.roughness,
        metallic=best.metallic,
    )
    shown = judge.render(finished, judge.targets[0], 160)
    caption = write_caption(np.random.default_rng(0), pool.candidates[0].look).text
    return SearchResult(start, caption, shown[:, 0])


def _with_face(
    look: Look, reading: Reading, prompts: Sequence[Prompt], body: Body, texels: Texels
) -> Float[Tensor, "th tw 3"]:
    """The look as a texture, with eyes, brows and lips. The encoder has never seen any: it has chosen by now."""
    albedo = bake_albedo(look, body, texels)
    told = read_face("; ".join(prompt.text for prompt in prompts if prompt.weight > 0 and not prompt.image))
    face = face_of(look, told, reading.headwear, reading.characters[0] if reading.characters else "")
    return albedo if face is None else paint_face(albedo, body, texels, face)


def _says_who_or_what(reading: Reading) -> bool:
    """Whether it names a character, or a person's clothes, and knows all but adjectives: no other figure will do."""
    is_dressed = reading.whole is None and any(told is not None and told.is_garment for told in reading.slots)
    return (bool(reading.characters) or is_dressed) and not any(is_name for _, is_name in reading.unknown)
