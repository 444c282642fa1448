"""Faces of many corners cut into triangles that stay inside them; knows no files but the face lines of OBJ text.

Readers cut a face into a fan from its first corner, which is right for convex ones only. Here corners that stick out
are cut off one after another (ear clipping), in the plane that fits the face best.

References: Meisters, Polygons Have Ears, American Mathematical Monthly 1975. Newell's normal: Sutherland, Sproull,
Schumacker, A Characterization of Ten Hidden-Surface Algorithms, Computing Surveys 1974.
"""

import numpy as np
from jaxtyping import Float, Int64

_MOST_CORNERS = 2_000
"""A face of more corners is left to the reader: the cost goes by their square and more."""


def cut_concave_faces(text: str) -> str:
    """OBJ text with its faces that are not convex cut into triangles; everything else stays as it is."""
    lines = text.splitlines()
    points = _points(lines)
    seen = 0
    quads: list[tuple[int, Int64[np.ndarray, "4"]]] = []
    for number, line in enumerate(lines):
        if line.startswith("v "):
            seen += 1
        elif line.startswith("f ") and not line.endswith("\\"):
            corners = _corners(line)
            if 3 < len(corners) <= _MOST_CORNERS and (ids := _ids(corners, points, seen)) is not None:
                if len(ids) == 4:
                    quads.append((number, ids))
                elif not is_convex(points[ids]):
                    lines[number] = _cut(line, points[ids])
    if quads:
        # Nearly all files have quads, and nearly none a concave one: all are looked at together.
        places = points[np.stack([ids for _, ids in quads])]
        sides = np.roll(places, -1, axis=1) - places
        turns = np.cross(np.roll(sides, 1, axis=1), sides)
        outward = np.cross(places[:, 2] - places[:, 0], places[:, 3] - places[:, 1])
        is_concave = ((turns * outward[:, None]).sum(axis=2) < 0.0).any(axis=1)
        for index in np.flatnonzero(is_concave).tolist():
            lines[quads[index][0]] = _cut(lines[quads[index][0]], places[index])
    return "\n".join(lines) + "\n"


def _corners(line: str) -> list[str]:
    return line.split("#")[0].split()[1:]


def _cut(line: str, places: Float[np.ndarray, "n 3"]) -> str:
    """The line's face as triangles, one a line; the line itself where it cannot be cut."""
    corners, triangles = _corners(line), clip_ears(places)
    if triangles is None:
        return line
    return "\n".join(f"f {corners[a]} {corners[b]} {corners[c]}" for a, b, c in triangles)


def is_convex(points: Float[np.ndarray, "n 3"]) -> bool:
    """Whether the polygon turns the same way at all of its corners, seen along its normal."""
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    turns = np.cross(before, after) @ newell_normal(points)
    return bool(turns.min() >= -1e-9 * max(turns.max(), 1e-30))


def newell_normal(points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "3"]:
    """The normal of the plane that fits the polygon, twice its area long."""
    centred = points - points.mean(axis=0)
    return np.cross(centred, np.roll(centred, -1, axis=0)).sum(axis=0)


def clip_ears(points: Float[np.ndarray, "n 3"]) -> list[tuple[int, int, int]] | None:
    """The polygon in n - 2 triangles of its corners' numbers, wound as it is; None where it crosses itself."""
    normal = newell_normal(points)
    length = float(np.linalg.norm(normal))
    if length == 0.0:
        return None
    across = np.cross(normal, np.eye(3)[int(np.abs(normal).argmin())])
    across /= np.linalg.norm(across)
    flat = np.stack([points @ across, points @ np.cross(normal / length, across)], axis=1)
    left, triangles = list(range(len(points))), []
    while len(left) > 3:
        ear = next((index for index in range(len(left)) if _is_ear(flat, left, index)), None)
        if ear is None:
            return None
        triangles.append((left[ear - 1], left[ear], left[(ear + 1) % len(left)]))
        del left[ear]
    return [*triangles, (left[0], left[1], left[2])]


def _is_ear(flat: Float[np.ndarray, "n 2"], left: list[int], index: int) -> bool:
    """Whether a corner sticks out and no other one lies in the triangle that it makes with its neighbours."""
    a, b, c = flat[left[index - 1]], flat[left[index]], flat[left[(index + 1) % len(left)]]
    if _side(a, b, c[None])[0] <= 0.0:
        return False
    ends = {left[index - 1], left[index], left[(index + 1) % len(left)]}
    others = flat[[corner for corner in left if corner not in ends]]
    sides = np.stack([_side(p, q, others) for p, q in ((a, b), (b, c), (c, a))])
    return not bool((sides >= 0.0).all(axis=0).any())


def _side(
    a: Float[np.ndarray, "2"], b: Float[np.ndarray, "2"], points: Float[np.ndarray, "m 2"]
) -> Float[np.ndarray, "m"]:
    """Twice the area of the triangle to each point: positive on the left of the way from a to b."""
    return (b[0] - a[0]) * (points[:, 1] - a[1]) - (b[1] - a[1]) * (points[:, 0] - a[0])


def _points(lines: list[str]) -> Float[np.ndarray, "v 3"]:
    rows = []
    for line in lines:
        if line.startswith("v "):
            try:
                rows.append([float(value) for value in line.split()[1:4]])
            except ValueError:
                rows.append([np.nan] * 3)
    return np.array([row if len(row) == 3 else [np.nan] * 3 for row in rows]).reshape(-1, 3)


def _ids(corners: list[str], points: Float[np.ndarray, "v 3"], seen: int) -> Int64[np.ndarray, "n"] | None:
    """The corners' points; None where one is not there. Numbers below zero count back from the last point so far."""
    try:
        ids = np.array([int(corner.split("/")[0]) for corner in corners], dtype=np.int64)
    except (ValueError, OverflowError):
        return None
    ids = np.where(ids < 0, ids + seen, ids - 1)
    if ids.min() < 0 or ids.max() >= len(points) or not np.isfinite(points[ids]).all():
        return None
    return ids
