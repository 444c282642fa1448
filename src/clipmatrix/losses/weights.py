"""How much each regulariser counts; knows none of them."""

import dataclasses
from dataclasses import dataclass

from clipmatrix.errors import ConfigError


@dataclass(frozen=True)
class LossWeights:
    """Factors of the regularisers; 0 leaves one out, and costs nothing.

    The score that they are weighed against lies within [-1, 1]. ``offset_size`` of 1500 per square metre lets the
    skin move by about a centimetre on average and holds back spikes; 30 grew ruffles of 10 to 25 cm. That also holds
    the silhouette, whose own term is left out by default: it costs a second rasterisation each step.
    ``texture_change`` counts from a searched start only: with 20 plain cloth grew bands, and lava lost its colours, for
    a score that was hardly higher. ``bumpiness`` counts where there is a normal map.
    """

    offset_size: float = 1500.0
    laplacian: float = 300.0
    edge_length: float = 0.1
    normal_consistency: float = 0.2
    silhouette_area: float = 0.0
    total_variation: float = 0.0
    texture_change: float = 400.0
    symmetry: float = 0.0
    bumpiness: float = 0.5

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not 0.0 <= value < float("inf"):
                raise ConfigError(f"{field.name} must be at least 0, not {value:g}: use 0 to leave the term out")
