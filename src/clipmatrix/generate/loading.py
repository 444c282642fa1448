"""The parts of a run out of its settings, and what to tell the user about them; knows nothing of steps."""

import math
from collections.abc import Collection, Sequence

import torch

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.clones import ClonePoses
from clipmatrix.bodies.jitter import JitterSampler
from clipmatrix.bodies.loading import load_figures
from clipmatrix.bodies.moving import moved
from clipmatrix.bodies.poses import PoseSampler
from clipmatrix.config import RunConfig
from clipmatrix.errors import ConfigError, PromptError
from clipmatrix.generate.figures import place_of
from clipmatrix.generate.parts import BatchedPoses, Parts, PoseSource
from clipmatrix.generate.starts import check_start
from clipmatrix.guidance.base import Guidance, WordGuidance
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.guidance.panel import word_guidances
from clipmatrix.guidance.pictures import with_pictures
from clipmatrix.procedural.faces import face_words
from clipmatrix.procedural.headwear import headwear_words
from clipmatrix.procedural.kin import kin_of
from clipmatrix.procedural.lexing import Role, bare_words, sense_of
from clipmatrix.procedural.people import describe_people
from clipmatrix.render.pipeline import rasterizer_for
from clipmatrix.views.shots import ShotSampler

_SHOWN = 40
_SHOWN_WORDS = 8


def load_parts(config: RunConfig) -> Parts:
    """The body, the encoder and the samplers of a resolved config; some seconds.

    Raises:
        ModelError: the encoder is missing or broken.
        BodyError: the body's file is missing or broken.
        PromptError: a prompt speaks of a region that the body lacks, or its picture cannot be read.
        ConfigError: a value to start from cannot be used with this body.
    """
    # The encoder first: it is what most often cannot be loaded.
    device = find_device(config.device)
    guidance = load_guidance(config.clip, device)
    body = load_figures(config.body, config.subdivide, config.body_up, config.num_figures)
    return build_parts(guidance, body, config, device)


def find_device(name: str) -> torch.device:
    """The device of a setting: ``cpu``, ``cuda``, or ``auto`` for a CUDA device where there is one.

    Raises:
        ConfigError: a CUDA device is wanted, and there is none.
    """
    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise ConfigError("there is no CUDA device that this PyTorch can use: leave --device out, or write auto")
    return torch.device("cuda" if has_cuda and name in ("auto", "cuda") else "cpu")


def build_parts(guidance: Guidance, body: Body, config: RunConfig, device: torch.device | None = None) -> Parts:
    """The parts around a given encoder and body; the encoder lies on ``device``, the body on the CPU.

    Raises:
        PromptError: a prompt speaks of a region that the body lacks, or its picture cannot be read.
        ConfigError: a value to start from cannot be used with this body.
    """
    for prompt in config.prompts:
        if place_of(prompt, body) not in body.regions:
            raise PromptError(
                f"{body.name} has no region {place_of(prompt, body)!r}, which {prompt.label!r} asks for: "
                f"its regions are {', '.join(body.regions)}"
            )
    check_start(body, config)
    guidance = with_pictures(guidance, {prompt.target: prompt.image for prompt in config.prompts if prompt.image})
    plans = tuple(prompt.cameras for prompt in config.prompts)
    shots = ShotSampler(
        config=config.shots,
        region_weights=torch.stack([body.regions[place_of(prompt, body)] for prompt in config.prompts]),
        prompt_weights=torch.tensor([abs(float(prompt.weight)) for prompt in config.prompts]),
        plans=plans if any(plan is not None for plan in plans) else (),
    )
    place = device or torch.device("cpu")
    staged = None if place.type == "cpu" else moved(body, place)
    return Parts(body, guidance, rasterizer_for(place), _pose_source(body, config), shots, staged)


def _pose_source(body: Body, config: RunConfig) -> PoseSource:
    """Anatomical poses for a humanoid, small turns for another rig, the rest pose for what has none."""
    if body.base is not None:
        return BatchedPoses(ClonePoses(_pose_draw(body.base, config), body.num_figures))
    draw = _pose_draw(body, config)
    return BatchedPoses(draw) if body.humanoid else draw


def _pose_draw(body: Body, config: RunConfig) -> PoseSource:
    return (
        PoseSampler(body, config.poses) if body.humanoid else JitterSampler(body, math.radians(config.poses.jitter_deg))
    )


def text_warnings(guidance: Guidance, texts: Sequence[str]) -> tuple[str, ...]:
    """Lines for the user: for each text that is longer than the encoder reads, and one for the words it does not know.

    Only an encoder that is a ``WordGuidance`` can tell which words those are.
    """
    warnings = []
    for text in texts:
        kept = guidance.fit_text(text)
        lost = text[len(kept) :].strip()
        if lost:
            start = kept.strip() if len(kept.strip()) <= _SHOWN else "…" + kept.strip()[-_SHOWN:]
            end = lost if len(lost) <= _SHOWN else lost[:_SHOWN] + "…"
            warnings.append(f'the prompt is too long for {guidance.name}: cut after "{start}", not read: "{end}"')
    for member in word_guidances(guidance):
        warnings += _word_warnings(member, texts)
    return tuple(warnings)


def _word_warnings(guidance: WordGuidance, texts: Sequence[str]) -> list[str]:
    """At most one line: the words without a picture, those that are not read, and what to do about them."""
    painted = headwear_words() | face_words() | bare_words() | {"cape"}
    people = {name: looks for text in texts for name, looks in describe_people(text)[1].items()}
    painted = painted.union(*(name.replace("-", " ").split() for name in people))
    guessed = {word.lower(): word for text in texts for word in guidance.unpictured_words(text)}
    unread = {word.lower(): word for text in texts for word in guidance.unknown_words(text)}
    guessed, unread = ({key: words[key] for key in words if key not in painted} for words in (guessed, unread))
    # What tables know is read by them: as something that has pictures, or as no more than a figure.
    names = {key: name for key in (*guessed, *unread) if (name := _read_as(key)) is not None}
    found = {key: word for key, word in {**guessed, **unread}.items() if names.get(key)}
    guessed, unread = ({key: words[key] for key in words if key not in names} for words in (guessed, unread))
    clauses = []
    if found or people:
        named = [f"'{_shortened(word)}' as {names[key]}" for key, word in found.items()]
        named = [f"'{name}' as a {looks}" for name, looks in people.items()] + named
        clauses.append(f"read for want of pictures: {_joined(named)}")
    if guessed:
        clauses.append(f"no picture for: {_listed(guessed.values())}; they will be guessed from their meaning")
    if unread:
        clauses.append(f"not read at all: {_listed(unread.values())}")
    if not clauses:
        return []
    return ["; ".join([*clauses, "a larger encoder knows more words: --clip openai/clip-vit-base-patch32"])]


def _read_as(word: str) -> str | None:
    """What tables take the word for, "" for one that no picture shows; None where none has it."""
    role, senses = sense_of(word)
    if role in (Role.BEING, Role.NOTHING):
        return ""
    name = next(iter((*senses.surfaces, *senses.characters, *kin_of(word))), None)
    return None if name is None else name.replace("_", " ")


def _listed(words: Collection[str]) -> str:
    """The first of the words in quotes, and how many more there are."""
    return _joined([f"'{_shortened(word)}'" for word in words])


def _joined(named: Sequence[str]) -> str:
    rest = len(named) - _SHOWN_WORDS
    return ", ".join(named[:_SHOWN_WORDS]) + (f" and {rest} more" if rest > 0 else "")


def _shortened(word: str) -> str:
    return word if len(word) <= _SHOWN else word[:_SHOWN] + "…"
