"""Measurements of a finished character that need no network: colours per region, pattern energy, build."""

from dataclasses import dataclass

import numpy as np
import torch

from clipmatrix.bodies.body import Body
from clipmatrix.procedural.tables import colors, oklab_from_srgb
from clipmatrix.render.bake import Texels
from clipmatrix.scene.scene import Scene

_GREY_CHROMA = 0.035
"""OKLab chroma below which a colour counts as grey, and has no hue."""

_WIDEST_HUE_DEG = 25


@dataclass(frozen=True, eq=False)
class Measured:
    """Mean sRGB per region, luminance spread, share of it along the height, volume and height against neutral."""

    rgb: dict[str, np.ndarray]
    contrast: float
    bands: float
    volume: float
    height: float


def measure(scene: Scene, body: Body, texels: Texels) -> Measured:
    """The character's own numbers; ``texels`` belong to a square texture of any size."""
    with torch.no_grad():
        texture = scene.texture.srgb()
        planes = texture.permute(2, 0, 1)[None]
        sampled = torch.nn.functional.interpolate(planes, (texels.size, texels.size), mode="area")[0].permute(1, 2, 0)
        rest = scene.deform().vertices
    rgb = sampled.reshape(-1, 3).numpy()[texels.indices]
    template = body.template.vertices.numpy()
    points = np.einsum("nc,ncd->nd", texels.weights, template[texels.vertex_ids])
    area = _texel_area(texels, template)
    means = {}
    for name, weights in body.regions.items():
        member = np.einsum("nc,nc->n", texels.weights, weights.numpy()[texels.vertex_ids]) * area
        means[name] = (rgb * member[:, None]).sum(0) / member.sum()
    luminance = oklab_from_srgb(rgb)[:, 0]
    spread = np.average((luminance - np.average(luminance, weights=area)) ** 2, weights=area)
    return Measured(
        means, float(np.sqrt(spread)), _band_share(luminance, points, area, spread),
        _volume(rest, body.template.faces) / _volume(body.template.vertices, body.template.faces),
        float((rest[:, 1].max() - rest[:, 1].min()) / np.ptp(template[:, 1])),
    )  # fmt: skip


def _texel_area(texels: Texels, template: np.ndarray) -> np.ndarray:
    """Surface area that a texel stands for: that of its triangle over the triangle's texels."""
    a, b, c = (template[texels.vertex_ids[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    _, inverse, counts = np.unique(texels.vertex_ids, axis=0, return_inverse=True, return_counts=True)
    return area / counts[inverse.ravel()]


def _band_share(luminance: np.ndarray, points: np.ndarray, area: np.ndarray, spread: float) -> float:
    """Share of the variance that is between slices of the trunk and legs 1 cm high, each against its neighbourhood."""
    inside = (np.abs(points[:, 0]) < 0.2) & (points[:, 1] < 1.4)
    slices = (points[inside, 1] * 100).astype(int)
    weights = np.bincount(slices, area[inside])
    means = np.bincount(slices, area[inside] * luminance[inside]) / np.maximum(weights, 1e-12)
    window = 25
    smooth = np.convolve(np.pad(means, window // 2, mode="edge"), np.ones(window) / window, mode="valid")
    return float(np.average((means - smooth) ** 2, weights=weights) / max(spread, 1e-9))


def _volume(vertices: torch.Tensor, faces: torch.Tensor) -> float:
    a, b, c = (vertices[faces[:, k]].double() for k in range(3))
    return float((a * torch.linalg.cross(b, c)).sum() / 6)


def hue_error_deg(rgb: np.ndarray, name: str) -> float:
    """Angle in degrees between the hue of a colour and of a named one; for a grey name, 0 when it is as grey and light.

    180 where one of the two has no hue and the other has.
    """
    own, wanted = oklab_from_srgb(rgb), colors().oklab[colors().ids[name]]
    own_chroma, wanted_chroma = np.hypot(*own[1:]), np.hypot(*wanted[1:])
    if wanted_chroma < _GREY_CHROMA:
        return 0.0 if own_chroma < 2 * _GREY_CHROMA and abs(own[0] - wanted[0]) < 0.25 else 180.0
    if own_chroma < 0.4 * _GREY_CHROMA:
        return 180.0
    cosine = own[1:] @ wanted[1:] / (own_chroma * wanted_chroma)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def verdicts(measured: Measured, row: dict) -> dict[str, bool]:
    """Which of a benchmark row's expectations hold; hues within 25 degrees.

    A row of two regions asks of each that its hue is nearer to its own colour than to the other's.
    """
    wanted = row.get("colors", {}) | ({"whole": row["color"]} if "color" in row else {})
    found = {
        f"{region}: {name}": hue_error_deg(measured.rgb[region], name) <= _WIDEST_HUE_DEG
        for region, name in wanted.items()
    }
    if "first" in row:
        for own, other in ((row["first"], row["second"]), (row["second"], row["first"])):
            rgb = measured.rgb[own["region"]]
            is_nearer = hue_error_deg(rgb, own["color"]) < hue_error_deg(rgb, other["color"])
            found[f"{own['region']}: {own['color']}, not {other['color']}"] = is_nearer
    for key in ("contrast", "bands"):
        if key in row:
            found[key] = getattr(measured, key) >= row[key]
    for key in ("volume", "height"):
        if key in row:
            low, high = row[key]
            found[key] = low <= getattr(measured, key) <= high
    return found
