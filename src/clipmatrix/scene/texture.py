"""The learnable texture, a pyramid over a start; knows nothing of bodies, light or text."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from clipmatrix.scene.levels_cpu import sum_levels
from clipmatrix.scene.texture_cpu import linear_from_levels
from clipmatrix.scene.upsample import double

COARSEST = 1
"""The side of the coarsest level in texels: one colour for the whole texture, however its islands lie."""

FULL_CHROMA = 8
"""The side up to which levels move colour at their full gain."""

CONTRAST = 3.0
"""How far one unit of the pyramid moves the logit of the colour."""

SMALLEST_START = 0.03
"""Starts are kept this far from black and white in sRGB: beyond, the sigmoid is too flat to leave again."""

_KNEE = 0.04045
_RED_GREEN = (0.7071, -0.7071, 0.0)
_YELLOW_BLUE = (0.4082, 0.4082, -0.8165)


class Texture(nn.Module):
    """sRGB = sigmoid(logit of the start + a sum of bilinear levels), brightness and colour apart.

    All levels of brightness have a gain of one. Those of colour lose a factor of ``chroma_gain`` with each doubling
    beyond ``FULL_CHROMA``, and the finest level, where that gain is next to nothing, has no colour at all. All levels
    begin at zero, so that the texture begins as the start. Each of ``parts``, soft maps with the side of one of the
    coarser levels, has a colour of its own besides: it holds together what lies on several islands. At 1024x1024
    forward and backward take some 25 ms on one thread.

    References: separate decorrelated colour and frequency scaling follow Olah, Mordvintsev, Schubert, "Feature
    Visualization", Distill 2017 (preconditioning).
    """

    start_logit: Tensor
    part_maps: Tensor | None

    def __init__(
        self,
        start_srgb: Float[Tensor, "th tw 3"],
        size: int,
        chroma_gain: float,
        parts: Float[Tensor, "p hp wp"] | None = None,
    ) -> None:
        super().__init__()
        start = resize(start_srgb, size).clamp(SMALLEST_START, 1.0 - SMALLEST_START)
        self.register_buffer("start_logit", torch.logit(start).permute(2, 0, 1).contiguous())
        sides = [COARSEST]
        while sides[-1] < size:
            sides.append(2 * sides[-1])
        device = start_srgb.device
        self.luma = nn.ParameterList([torch.zeros(1, side, side, device=device) for side in sides])
        self.chroma = nn.ParameterList([torch.zeros(2, side, side, device=device) for side in sides[:-1]])
        self._part_level = 0 if parts is None else sides.index(parts.shape[-1])
        self.register_buffer("part_maps", parts, persistent=False)
        self.part_colors = None if parts is None else nn.Parameter(torch.zeros(3, len(parts), device=device))
        self._gains = [chroma_gain ** max(0.0, math.log2(side / FULL_CHROMA)) for side in sides[:-1]]

    def fine_levels(self) -> list[nn.Parameter]:
        """The parameters of all that is finer than one colour for the whole, or for a part."""
        return [*list(self.luma)[1:], *list(self.chroma)[1:]]

    def _coarse(self) -> Float[Tensor, "3 hh hw"]:
        """The sum of all levels but the finest, red, green and blue, at half the side of the texture."""
        if self.start_logit.device.type != "cpu" or self.start_logit.dtype != torch.float32:
            return self.coarse_reference()
        luma, chroma = list(self.luma)[:-1], list(self.chroma)
        return sum_levels(luma, chroma, self._gains, self._part_level, self._spread(), self._basis())

    def coarse_reference(self) -> Float[Tensor, "3 hh hw"]:
        """The sum of all levels but the finest in plain torch: the twin of ``sum_levels``."""
        bright, color = self.luma[0], self._gains[0] * self.chroma[0]
        spread = self._spread()
        for level, gain in enumerate(self._gains):
            if level > 0:
                bright = double(bright) + self.luma[level]
                color = torch.add(double(color), self.chroma[level], alpha=gain)
            if spread is not None and level == self._part_level:
                bright, color = bright + spread[:1], color + spread[1:]
        # The finest level has brightness only, so that red, green and blue are mixed at half the size.
        return bright + (self._basis() @ color.flatten(1)).unflatten(1, color.shape[1:])

    def _spread(self) -> Float[Tensor, "3 hp wp"] | None:
        """Brightness and colour of the parts, each over its map."""
        if self.part_colors is None:
            return None
        assert self.part_maps is not None
        return (self.part_colors @ self.part_maps.flatten(1)).unflatten(1, self.part_maps.shape[1:])

    def _basis(self) -> Float[Tensor, "3 2"]:
        return self.start_logit.new_tensor([_RED_GREEN, _YELLOW_BLUE]).T.contiguous()

    def logit(self) -> Float[Tensor, "3 th tw"]:
        """The logit of the sRGB colour, one plane per channel."""
        return torch.add(self.start_logit, double(self._coarse()) + self.luma[-1], alpha=CONTRAST)

    def sampled_logit(self) -> Float[Tensor, "3 sh sw"]:
        """``logit`` at every fourth texel of every fourth row, nearly: for statistics, at a quarter of the time."""
        stride = 4 if self.start_logit.shape[1] > 4 * FULL_CHROMA else 1
        if stride == 1:
            return self.logit()
        coarse = self._coarse()[:, :: stride // 2, :: stride // 2]
        fine = self.luma[-1][:, ::stride, ::stride]
        return torch.add(self.start_logit[:, ::stride, ::stride], coarse + fine, alpha=CONTRAST)

    def shift(self, logits: Float[Tensor, "p 3"]) -> None:
        """Add logits of red, green and blue to each part, or to everything where the texture has no parts."""
        basis = logits.new_tensor([_RED_GREEN, _YELLOW_BLUE])
        levels = torch.cat([logits.mean(1, keepdim=True), logits @ basis.T], dim=1) / CONTRAST
        with torch.no_grad():
            if self.part_colors is not None:
                self.part_colors += levels.T
            else:
                self.luma[0] += levels[0, 0]
                self.chroma[0] += levels[0, 1:, None, None]

    def srgb(self) -> Float[Tensor, "th tw 3"]:
        """The texture in sRGB in (0, 1), as it is exported."""
        return torch.sigmoid(self.logit()).permute(1, 2, 0)

    def forward(self, tint: Float[Tensor, "3"] | None = None) -> Float[Tensor, "th tw 3"]:
        """The texture in linear RGB in (0, 1), as it is rendered; in memory it lies plane by plane.

        ``tint`` is added to the logit of all texels: a passing colour, to look at the loss from somewhere else.
        """
        if self.start_logit.device.type == "cpu" and self.start_logit.dtype == torch.float32:
            shift = torch.zeros(3) if tint is None else tint
            planes = linear_from_levels(self.start_logit, self._coarse(), self.luma[-1], shift, CONTRAST)
            return planes.permute(1, 2, 0)
        logit = self.logit() if tint is None else self.logit() + tint.reshape(3, 1, 1)
        linear: Tensor = _LinearFromLogit.apply(logit)  # pyright: ignore[reportAssignmentType]
        return linear.permute(1, 2, 0)


class _LinearFromLogit(torch.autograd.Function):
    """linear_from_srgb(sigmoid(x)) with its slope worked out on the way forward: a quarter of autograd's cost.

    The straight part of the sRGB curve is the power's value at the knee plus a correction that is zero above it, so
    that no mask is needed. Below sRGB 0.04 the slope is the power's at the knee, 1.7 % too large.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, logit: Tensor) -> Tensor:
        srgb = torch.sigmoid(logit)
        base = srgb.clamp_min(_KNEE).add_(0.055).mul_(1 / 1.055)
        linear = base.pow(2.4)
        slope = torch.div(linear, base, out=base).mul_(srgb)
        linear.add_(srgb.sub(_KNEE).clamp_max_(0.0), alpha=1 / 12.92)
        ctx.save_for_backward(slope.mul_(srgb.neg_().add_(1.0)))
        return linear

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        (slope,) = ctx.saved_tensors  # pyright: ignore[reportAttributeAccessIssue]
        return torch.mul(gradients[0], slope).mul_(2.4 / 1.055)


def resize(image: Float[Tensor, "h w c"], size: int) -> Float[Tensor, "size size c"]:
    """The image at ``size`` squared: bilinear when growing, averaged over areas when shrinking."""
    if image.shape[:2] == (size, size):
        return image.clone()
    planes = image.permute(2, 0, 1).unsqueeze(0)
    resized = nn.functional.interpolate(planes, size=(size, size), mode="bilinear", antialias=True)
    return resized.squeeze(0).permute(1, 2, 0).contiguous()
