"""Every setting of one run; knows what they mean for the user, not how the stages use them."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Literal

from clipmatrix.bodies.poses import PoseConfig
from clipmatrix.config.parameters import ParametersConfig
from clipmatrix.errors import ConfigError
from clipmatrix.guidance.augment import AugmentConfig
from clipmatrix.guidance.prompts import REGIONS, Prompt
from clipmatrix.guidance.scoring import ScoreConfig
from clipmatrix.losses.weights import LossWeights
from clipmatrix.procedural.near_misses import find_mentions
from clipmatrix.procedural.parts import find_parts
from clipmatrix.procedural.search_config import SearchConfig
from clipmatrix.scene.config import SceneConfig
from clipmatrix.views.shots import ShotConfig


@dataclass(frozen=True)
class OptimiserConfig:
    """Step sizes, and how they change over a run.

    All rates rise from zero over the first ``warm_up`` of the steps and fall along a half cosine to ``final`` of
    their value; those of the form (shape and offset) begin after ``form_delay`` of the steps. From a searched start
    all rates but that of the normal map are multiplied by ``refine``: the descent is to add to what was found, not to
    paint it over. From a neutral start every step sees the texture in a passing tint, normal with deviation ``tint``
    (in logits), which fades until ``tint_until`` of the steps: near grey the loss has slopes that lead to the wrong
    hue, and its average over tints has not. Before it, plain colours of the body and of its parts are tried in
    ``probe`` views each, and the descent sets out from the best; 0 sets out from grey. ``detail`` is the share of the
    texture's rate at which all moves that is finer than the colours of whole parts. None leaves it to the encoder:
    everything, but for the embedded one, which only tints what was found or what plain colours have said (0).
    """

    texture_rate: float = 0.02
    shape_rate: float = 0.02
    offset_rate: float = 0.004
    material_rate: float = 0.01
    lights_rate: float = 0.005
    normals_rate: float = 0.02
    refine: float = 0.1
    tint: float = 1.5
    tint_until: float = 0.5
    probe: int = 8
    detail: float | None = None
    warm_up: float = 0.05
    form_delay: float = 0.1
    final: float = 0.05

    def __post_init__(self) -> None:
        for name in (
            "texture_rate",
            "shape_rate",
            "offset_rate",
            "material_rate",
            "lights_rate",
            "normals_rate",
            "tint",
        ):
            _require(name, getattr(self, name), 0.0, 10.0, type(self).__dataclass_fields__[name].default)
        if self.probe < 0:
            raise ConfigError(f"probe must be at least 0, not {self.probe}: use 8")
        if self.detail is not None:
            _require("detail", self.detail, 0.0, 1.0, 1)
        for name in ("refine", "tint_until", "warm_up", "form_delay", "final"):
            _require(name, getattr(self, name), 0.0, 1.0, type(self).__dataclass_fields__[name].default)


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides what a run makes; the same config gives the same result on the same machine.

    ``views`` pictures of ``resolution`` squared are rendered each of the ``steps``. ``clip`` names the encoder:
    ``mini``, a hub name or a folder; several of them judge together. ``start`` is where the descent begins.
    ``wildness`` is how far the shape may leave the human form: 0 hardly, 0.5 as the single weights say, 1 altogether.
    ``body`` is ``anny``, ``smplx:FILE.npz`` or a mesh file, in which ``body_up`` points upwards; its triangles are
    split in four ``subdivide`` times. ``device`` is where the descent and the encoder compute; ``auto`` is a
    CUDA device where there is one. ``base`` is the folder of another run whose best state is where the descent sets
    out from, instead of ``start``. A preview is written every ``preview_every`` steps and a checkpoint every
    ``checkpoint_every``; 0 leaves them out. What a resumed run needs is written every ``save_every_s`` seconds. Once
    the score has not risen for ``patience`` steps, the descent cools down and ends early; 0 takes all steps. The
    turntable is ``video_size`` squared.
    """

    prompts: tuple[Prompt, ...] = ()
    quality: Literal["draft", "standard", "fine"] = "standard"
    seed: int = 0
    clip: str | tuple[str, ...] = "mini"
    start: Literal["search", "neutral"] = "search"
    wildness: float = 0.5
    base: str = ""
    steps: int = 600
    views: int = 4
    resolution: int = 224
    body: str = "anny"
    body_up: Literal["y", "z"] = "y"
    subdivide: int = 0
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    preview_every: int = 50
    checkpoint_every: int = 200
    save_every_s: float = 60.0
    patience: int = 100
    video_size: int = 768
    poses: PoseConfig = field(default_factory=PoseConfig)
    shots: ShotConfig = field(default_factory=ShotConfig)
    augment: AugmentConfig = field(default_factory=lambda: AugmentConfig(color_jitter=0.05, noise_std=0.04))
    scene: SceneConfig = field(default_factory=SceneConfig)
    score: ScoreConfig = field(default_factory=ScoreConfig)
    losses: LossWeights = field(default_factory=LossWeights)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    parameters: ParametersConfig = field(default_factory=ParametersConfig)

    def __post_init__(self) -> None:
        _require("steps", self.steps, 1, 1_000_000, 600)
        _require("seed", self.seed, 0, 2**63 - 1, 0)
        _require("views", self.views, 1, 256, 4)
        _require("resolution", self.resolution, 32, 4096, 224)
        _require("preview_every", self.preview_every, 0, 1_000_000, 50)
        _require("checkpoint_every", self.checkpoint_every, 0, 1_000_000, 200)
        _require("save_every_s", self.save_every_s, 0.0, 1e6, 60.0)
        _require("patience", self.patience, 0, 1_000_000, 100)
        _require("subdivide", self.subdivide, 0, 3, 1)
        _require("video_size", self.video_size, 16, 4096, 768)
        _require("wildness", self.wildness, 0.0, 1.0, 0.5)
        if isinstance(self.clip, tuple) and len(self.clip) == 1:
            object.__setattr__(self, "clip", self.clip[0])
        if not self.encoders or not all(name.strip() for name in self.encoders):
            raise ConfigError("clip must not be empty: name an encoder, such as mini, or a folder")
        if not self.body.strip():
            raise ConfigError("body must not be empty: name anny, smplx:FILE.npz or a mesh file")

    @property
    def encoders(self) -> tuple[str, ...]:
        """The names of all encoders."""
        return (self.clip,) if isinstance(self.clip, str) else self.clip

    @property
    def num_figures(self) -> int:
        """How many figures its prompts speak of."""
        return max((prompt.figure for prompt in self.prompts), default=0) or 1

    @property
    def is_refining(self) -> bool:
        """Whether the descent sets out from a finished look, searched or of another run, and not from grey."""
        return self.start == "search" or bool(self.base)


def default_prompts(text: str, regions: Collection[str] = REGIONS) -> tuple[Prompt, ...]:
    """What a bare text stands for: the whole textured body, what it says of single parts, and its plain form.

    ``a red person with a blue head`` is also ``blue head`` for the head, and ``a red person`` for trunk and legs:
    an encoder hardly tells which of two colours is whose, its close-ups do. ``regions`` are those that the body has:
    of others nothing is made.

    Raises:
        PromptError: the text is empty.
    """
    whole = Prompt(text)
    parsed = find_parts(whole.text)
    parts = tuple(Prompt(part.text, 0.5, part.region) for part in parsed.parts if part.region in regions)
    taken = {part.region for part in parts}
    rest: tuple[Prompt, ...] = ()
    if parts and find_mentions(parsed.rest):
        rest = tuple(Prompt(parsed.rest, 0.35, region) for region in ("head", "torso", "legs") if region not in taken)
    return (whole, *parts, *rest, Prompt(text, 0.3, textured=False))


def figure_prompts(texts: tuple[str, ...], regions: Collection[str] = REGIONS) -> tuple[Prompt, ...]:
    """What bare texts stand for, one for each figure; for a single one as ``default_prompts``.

    Raises:
        PromptError: a text is empty, or there are too many.
    """
    if len(texts) == 1:
        return default_prompts(texts[0], regions)
    return tuple(
        replace(prompt, figure=number)
        for number, text in enumerate(texts, start=1)
        for prompt in default_prompts(text, regions)
    )


def _require(name: str, value: float | int, lowest: float | int, highest: float | int, usual: float | int) -> None:
    if not lowest <= value <= highest:
        raise ConfigError(f"{name} must be from {lowest:g} to {highest:g}, not {value:g}: use for instance {usual:g}")
