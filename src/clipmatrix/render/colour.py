"""The sRGB transfer curve under the name the renderer uses; the curve itself stands in ``clipmatrix.colour``."""

from clipmatrix.colour import linear_from_srgb, srgb_from_linear

__all__ = ["linear_from_srgb", "srgb_from_linear"]
