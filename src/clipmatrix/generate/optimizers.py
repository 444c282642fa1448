"""The optimisers of a scene; know nothing of losses.

Adam serves everything but the offsets, AdamUniform those.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from clipmatrix.config import OptimiserConfig
from clipmatrix.generate.guard import Guard, guard_form, guard_look, steps_unseen
from clipmatrix.generate.schedule import rate_factors
from clipmatrix.scene.scene import Scene

_BETAS = (0.9, 0.95)
"""A short memory of the gradients' size: the loss is another one each step, and runs are short."""


class AdamUniform(Optimizer):
    """Adam with one second moment for a whole tensor: the largest of its elements' moments.

    Dividing each coordinate by its own moment would undo the smoothness of a gradient; one common divisor keeps it.

    References: Nicolet, Jacobson, Jakob, "Large Steps in Inverse Rendering of Geometry", SIGGRAPH Asia 2021,
    section 4.2.
    """

    def __init__(
        self, parameters: Iterable[Any], lr: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-12
    ) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Moves each parameter by its bias-corrected mean gradient over the root of its largest mean square."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group["lr"], group["betas"], group["eps"])
        return loss

    def _move(self, parameter: nn.Parameter, rate: float, betas: tuple[float, float], eps: float) -> None:
        gradient = parameter.grad
        assert gradient is not None
        state = self.state[parameter]
        if not state:
            state["step"] = 0
            state["mean"] = torch.zeros_like(parameter)
            state["square"] = torch.zeros_like(parameter)
        state["step"] += 1
        mean: Tensor = state["mean"].lerp_(gradient, 1.0 - betas[0])
        square: Tensor = state["square"].mul_(betas[1]).addcmul_(gradient, gradient, value=1.0 - betas[1])
        correction, scale = 1.0 - betas[0] ** state["step"], 1.0 - betas[1] ** state["step"]
        if parameter.device.type == "cpu":
            largest = math.sqrt(square.amax().item() / scale)
            parameter.add_(mean, alpha=-rate / (correction * (largest + eps)))
        else:
            # The same without waiting for the device.
            largest = (square.amax() / scale).sqrt()
            parameter.sub_(mean * (rate / (correction * (largest + eps))))


_PAINTED = ("texture", "detail")
"""The coarse and the fine levels of textures, which move together but for their rates."""


@dataclass(frozen=True)
class _Part:
    name: str
    optimizer: Optimizer
    rate: float
    is_form: bool


@dataclass(frozen=True)
class Shares:
    """How much of a step was taken, of the form's and of the texture's; under 1 where a whole one led out of bounds."""

    form: float = 1.0
    look: float = 1.0


@dataclass(frozen=True)
class Firmness:
    """What the regularisers of the form and of the texture are multiplied by; 1 where nothing is strained."""

    form: float = 1.0
    look: float = 1.0


UNSTRAINED = Firmness()
"""The regularisers as they were weighed."""


class SceneOptimiser:
    """Steps all learnt groups of a scene, each at its own scheduled rate times ``scale``.

    ``windows`` say between which shares of the run a group moves; one that is not named moves all the time. What is
    fine in a texture moves at the share ``detail`` of its rate.
    """

    def __init__(
        self,
        scene: Scene,
        config: OptimiserConfig,
        num_steps: int,
        scale: float = 1.0,
        windows: Mapping[str, tuple[float, float]] | None = None,
        detail: float = 1.0,
    ) -> None:
        self._windows = windows or {}
        self._config = config
        self._num_steps = num_steps
        self._scale = scale
        groups = scene.parameter_groups()
        self._parameters = [parameter for group in groups.values() for parameter in group]
        rates = {
            "shape": config.shape_rate,
            "texture": config.texture_rate,
            "material": config.material_rate,
            "lights": config.lights_rate,
            "normals": config.normals_rate,
        }
        self._parts = [
            _Part(name, Adam(groups[name], lr=rate, betas=_BETAS, fused=True), rate, name == "shape")
            for name, rate in rates.items()
            if name in groups and name != "texture"
        ]
        if "texture" in groups:
            fine_ids = {id(level) for texture in scene.textures().values() for level in texture.fine_levels()}
            # Plain colours that are not to be painted on have been found as well, and are not to be lost again.
            whole = config.refine if detail == 0.0 and scale == 1.0 else 1.0
            for name, share, is_fine in (("texture", whole, False), ("detail", detail, True)):
                levels = [level for level in groups["texture"] if (id(level) in fine_ids) == is_fine]
                if levels:
                    rate = share * config.texture_rate
                    self._parts.append(_Part(name, Adam(levels, lr=rate, betas=_BETAS, fused=True), rate, False))
        if "offset" in groups:
            offset = AdamUniform(groups["offset"], lr=config.offset_rate, betas=_BETAS)
            self._parts.append(_Part("offset", offset, config.offset_rate, True))
        form = [*groups.get("shape", ()), *groups.get("offset", ())]
        self._form = guard_form(scene, form) if form else None
        self._look = guard_look(scene, groups["texture"]) if "texture" in groups else None
        self._num_levels = len(scene.texture.luma) + (scene.texture.part_colors is not None)

    def clear(self) -> None:
        """Forgets the gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    def is_finite(self) -> bool:
        """Whether no gradient holds an infinity or is undefined."""
        # The sum is finite only if all are, unless it overflows, and such a gradient is no better.
        sums = [parameter.grad.sum() for parameter in self._parameters if parameter.grad is not None]
        return not sums or all(math.isfinite(value) for value in torch.stack(sums).tolist())

    @property
    def firmness(self) -> Firmness:
        """How firmly the next step is to be held."""
        return Firmness(*(guard.firmness if guard else 1.0 for guard in (self._form, self._look)))

    def step(self, index: int, place: int | None = None) -> Shares:
        """Moves the parameters in step ``index``, which counts from 0, as far as the guards allow.

        The rates are those of step ``place`` where one is given.
        """
        place = index if place is None else place
        look, form = rate_factors(place, self._num_steps, self._config)
        parts = [part for part in self._parts if part.is_form and self._is_open(part, index)]
        form_share = self._move(parts, form * self._scale, self._form, is_watched=True)
        rate = self._config.texture_rate * look * self._scale * (self._look.brake if self._look else 1.0)
        is_last = place + 1 == self._num_steps
        is_watched = is_last or (index + 1) % steps_unseen(rate, self._num_levels) == 0
        parts = [part for part in self._parts if part.name in _PAINTED and self._is_open(part, index)]
        look_share = self._move(parts, look * self._scale, self._look, is_watched)
        rest = [part for part in self._parts if part.name in ("material", "lights") and self._is_open(part, index)]
        self._move(rest, look * self._scale, None, is_watched=False)
        # No search finds a normal map: it sets out from flat, whatever else has been found.
        self._move([part for part in self._parts if part.name == "normals"], look, None, is_watched=False)
        return Shares(form_share, look_share)

    def _is_open(self, part: _Part, index: int) -> bool:
        """Whether the part moves at step ``index``."""
        begin, end = self._windows.get("texture" if part.name in _PAINTED else part.name, (0.0, 1.0))
        return begin <= index / self._num_steps < end

    def _move(self, parts: list[_Part], factor: float, guard: Guard | None, is_watched: bool) -> float:
        """How much of the step of these parts was taken."""
        if factor == 0.0 or not parts:
            return 1.0
        before = guard.copy() if guard and is_watched else []
        for part in parts:
            for group in part.optimizer.param_groups:
                group["lr"] = part.rate * factor * (guard.brake if guard else 1.0)
            part.optimizer.step()
        share = guard.shorten(before) if guard and is_watched else 1.0
        if share < 1.0:
            _slow(parts, share)
        return share

    def state(self) -> dict[str, Tensor]:
        """What ``load`` needs to go on: moments and counts by group, parameter and name; no copies."""
        moments = {
            f"{part.name}.{index}.{key}": value if isinstance(value, Tensor) else torch.tensor(value)
            for part in self._parts
            for index, parameter in enumerate(_parameters(part))
            for key, value in part.optimizer.state.get(parameter, {}).items()
        }
        guards = [(guard.brake, guard.firmness) if guard else (1.0, 1.0) for guard in (self._form, self._look)]
        return {**moments, "guards": torch.tensor(guards, dtype=torch.float64)}

    def load(self, state: dict[str, Tensor]) -> None:
        """Goes on from an earlier ``state``.

        Raises:
            KeyError, ValueError: it is of other parameters.
        """
        moments = {name: value for name, value in state.items() if name != "guards"}
        for guard, (brake, firmness) in zip((self._form, self._look), state["guards"].tolist(), strict=True):
            if guard:
                guard.brake, guard.firmness = brake, firmness
        parameters = {part.name: _parameters(part) for part in self._parts}
        optimizers = {part.name: part.optimizer for part in self._parts}
        for name, value in moments.items():
            group, index, key = name.split(".")
            if group not in parameters or int(index) >= len(parameters[group]):
                raise ValueError(f"it knows {name}, which is not learnt here")
            parameter = parameters[group][int(index)]
            if value.ndim and value.shape != parameter.shape:
                raise ValueError(f"{name} has the shape {tuple(value.shape)}, not {tuple(parameter.shape)}")
            is_count = isinstance(optimizers[group], AdamUniform) and not value.ndim
            # A fused optimiser counts where its parameters lie.
            optimizers[group].state[parameter][key] = int(value) if is_count else value.clone().to(parameter.device)


def _slow(parts: list[_Part], share: float) -> None:
    """Leaves as much of the parts' momentum as was left of their step: it led out of bounds."""
    for part in parts:
        for parameter in _parameters(part):
            for key in ("mean", "exp_avg"):
                if key in part.optimizer.state.get(parameter, {}):
                    part.optimizer.state[parameter][key].mul_(share)


def _parameters(part: _Part) -> list[nn.Parameter]:
    return [parameter for group in part.optimizer.param_groups for parameter in group["params"]]
