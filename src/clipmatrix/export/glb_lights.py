"""The lights of the previews in a GLB file, for viewers that bring none; knows no character.

glTF's lights are points, spots and suns: the even surrounding of the previews is stood for by two faint suns from
behind and from below, so that no side is black.

References:
    Khronos Group, KHR_lights_punctual.
"""

import math

import numpy as np
import torch

from clipmatrix.export.glb import Json
from clipmatrix.export.glb_material import use_extension
from clipmatrix.export.images import studio_lights

_EXTENSION = "KHR_lights_punctual"
# The shares of the surrounding that each stand-in gives, and where it comes from.
_FILLS = (("fill", (0.9, 0.1, 0.5), 0.6), ("rim", (-0.2, 0.5, -1.0), 0.6))


def add_lights(document: Json) -> None:
    """Puts three directional lights into the document's scene: the previews' key light, a fill and a rim.

    Intensities are in lux, as the extension says: a white matte surface that faces a light of pi lux is white.
    """
    lights = studio_lights(torch.zeros(1))
    ambient = float(lights.ambient[0, 0])
    key = (lights.key_direction[0].numpy(), float(lights.key_color[0, 0]))
    suns = [("key", *key), *((name, np.array(way), ambient * share) for name, way, share in _FILLS)]
    use_extension(document, _EXTENSION)
    document.setdefault("extensions", {})[_EXTENSION] = {
        "lights": [
            {"name": name, "type": "directional", "color": [1.0, 1.0, 1.0], "intensity": strength * math.pi}
            for name, _, strength in suns
        ]
    }
    for index, (name, way, _) in enumerate(suns):
        document["scenes"][0]["nodes"].append(len(document["nodes"]))
        document["nodes"].append(
            {"name": f"light_{name}", "rotation": _towards(way), "extensions": {_EXTENSION: {"light": index}}}
        )


def _towards(way: np.ndarray) -> list[float]:
    """The turn (xyzw) after which +Z points to where the light is, since lights shine along -Z."""
    x, y, z = way / np.linalg.norm(way)
    quat = np.array([-y, x, 0.0, 1.0 + z])
    # Straight behind any half turn will do.
    quat = quat / np.linalg.norm(quat) if z > -1.0 + 1e-9 else np.array([1.0, 0.0, 0.0, 0.0])
    return quat.tolist()
