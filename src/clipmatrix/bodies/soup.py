"""Triangles as files hold them made into a mesh that can be dressed: welded, cleaned, unwrapped, brought to size.

Knows nothing of rigs or formats.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64

from clipmatrix.bodies.body import Placement
from clipmatrix.bodies.subdivide import check_levels
from clipmatrix.bodies.unwrap import layout_problem, unwrap, uv_tensors
from clipmatrix.errors import BodyError
from clipmatrix.geometry.mesh import Mesh
from clipmatrix.geometry.subdivision import middles, split_in_four
from clipmatrix.geometry.welds import (
    Welds,
    face_edges,
    flat_faces,
    inward_faces,
    repeated_faces,
    split_creases,
    to_welds,
    weld_points,
)

MOST_FACES = 300_000
"""More triangles than this would take minutes a step."""

WORKING_SIZE_M = 1.7
"""What is no taller or wider than a figure is worked on at this size: patterns and cameras are made for it."""
_FIGURE_M = (1.2, 2.3)
_SMALLEST, _LARGEST = 1e-6, 1e7
_WELD = 1e-6


@dataclass(frozen=True, eq=False)
class Soup:
    """Triangles of a file, in its units; +Y up. ``kinds`` tells vertices apart that must not be welded into one.

    ``is_two_sided`` says which faces are to be seen from behind as well, ``is_wound`` whether the format says which
    side of a face is its front. ``notes`` are lines for the user.
    """

    name: str
    positions: Float[np.ndarray, "n 3"]
    faces: Int64[np.ndarray, "f 3"]
    uvs: Float[np.ndarray, "n 2"] | None
    normals: Float[np.ndarray, "n 3"] | None
    kinds: Int64[np.ndarray, "n"]
    is_two_sided: Bool[np.ndarray, "f"]
    is_wound: bool = True
    notes: tuple[str, ...] = ()


def split_soup(soup: Soup, levels: int) -> Soup:
    """The soup with every triangle split in four so many times; nothing moves.

    Raises:
        BodyError: that would be too many.
    """
    check_levels(soup.name, len(soup.faces), levels, MOST_FACES)
    for _ in range(levels):
        faces, edges = split_in_four(soup.faces, len(soup.positions))
        soup = replace(
            soup,
            positions=middles(soup.positions, edges),
            faces=faces,
            uvs=None if soup.uvs is None else middles(soup.uvs, edges),
            normals=None if soup.normals is None else middles(soup.normals, edges),
            kinds=np.concatenate([soup.kinds, soup.kinds[edges[:, 0]]]),
            is_two_sided=np.repeat(soup.is_two_sided, 4),
        )
    return soup


@dataclass(frozen=True, eq=False)
class Dressable:
    """A mesh fit for a body; ``corner_ids`` (f 3) are the soup's vertices at its face corners."""

    mesh: Mesh
    welds: Welds
    corner_ids: Int64[np.ndarray, "f 3"]
    vertex_ids: Int64[np.ndarray, "v"]
    placement: Placement
    notes: tuple[str, ...]


def prepare(soup: Soup) -> Dressable:
    """The soup as one mesh that stands on y = 0 around the origin, every repair in a note.

    Raises:
        BodyError: there is nothing to dress, too much of it, or it is not made of numbers.
    """
    soup = _checked(soup)
    size = float(np.ptp(soup.positions[soup.faces].reshape(-1, 3), axis=0).max())
    places = weld_points(soup.positions, _WELD * size)
    num_places = int(places.max()) + 1
    points = np.empty((num_places, 3))
    points[places[::-1]] = soup.positions[::-1]
    soup = _oriented(_cleaned(soup, points, places), points, places)
    welded = places[soup.faces]
    placement = place_on_ground(points[welded].reshape(-1, 3))
    notes = [*soup.notes, *_remarks(welded, placement, size)]

    normals = None if soup.normals is None else soup.normals[soup.faces]
    corners = split_creases(points, welded, normals, soup.kinds[soup.faces])
    uvs, face_uvs, problem = _layout(soup, points, welded)
    if problem is not None:
        notes.append(f"{problem}: unwrapped anew")
    backs = np.flatnonzero(soup.is_two_sided)
    num_fronts, num_vertices = len(welded), int(corners.max()) + 1
    faces = np.concatenate([corners, corners[backs][:, ::-1] + num_vertices])
    corner_ids = np.concatenate([soup.faces, soup.faces[backs][:, ::-1]])
    face_uvs = np.concatenate([face_uvs, face_uvs[backs][:, ::-1]])
    places_of_corners = np.concatenate([welded, welded[backs][:, ::-1]])
    # The backs' vertices were numbered after all fronts': close the gaps.
    used, faces = np.unique(faces, return_inverse=True)
    faces = faces.reshape(-1, 3).astype(np.int64)
    vertex_ids, vertex_places = np.empty(len(used), np.int64), np.empty(len(used), np.int64)
    vertex_ids[faces.reshape(-1)], vertex_places[faces.reshape(-1)] = (
        corner_ids.reshape(-1),
        places_of_corners.reshape(-1),
    )
    _, first, inverse = np.unique(vertex_places, return_index=True, return_inverse=True)
    first_ids = first[inverse.reshape(-1)]
    vertices = placement.scale * points[vertex_places] + np.array(placement.shift)
    mesh = Mesh(torch.from_numpy(vertices).float(), torch.from_numpy(faces), *uv_tensors(uvs, face_uvs))
    welds = to_welds(first_ids, first_ids[faces[:num_fronts]])
    return Dressable(mesh, welds, corner_ids, vertex_ids, placement, tuple(notes))


def place_on_ground(points: Float[np.ndarray, "n 3"]) -> Placement:
    """How to bring points to a figure's size, unless they have it, with their middle over the origin and on y = 0."""
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max())
    is_figure = _FIGURE_M[0] <= high[1] - low[1] <= _FIGURE_M[1] and extent <= 1.2 * _FIGURE_M[1]
    scale = 1.0 if is_figure else WORKING_SIZE_M / extent
    middle = (low + high) / 2
    return Placement(scale, (-scale * middle[0].item(), -scale * low[1].item(), -scale * middle[2].item()))


def _checked(soup: Soup) -> Soup:
    if not len(soup.faces):
        raise BodyError(f"{soup.name} has no triangles: name a file with a surface")
    if len(soup.faces) > MOST_FACES:
        raise BodyError(
            f"{soup.name} has {len(soup.faces):,} triangles, and {MOST_FACES:,} are the most: simplify it first"
        )
    if soup.faces.min() < 0 or soup.faces.max() >= len(soup.positions):
        raise BodyError(f"{soup.name} has faces with vertices that are not there: export it anew")
    used = soup.positions[soup.faces.reshape(-1)]
    bad = int((~np.isfinite(used)).any(axis=1).sum())
    if bad:
        raise BodyError(f"{soup.name} has {bad} face corners that are not numbers: mend it in a modelling program")
    size = float(np.ptp(used, axis=0).max())
    if not _SMALLEST <= size <= _LARGEST:
        raise BodyError(
            f"{soup.name} is {size:g} units across, wanted {_SMALLEST:g} to {_LARGEST:g}: scale it to metres"
        )
    # Vertices that no face uses may be anywhere, and would spoil the grid that welds the others.
    positions = np.where(np.isfinite(soup.positions), soup.positions, 0.0)
    return replace(soup, positions=np.clip(positions, used.min(axis=0), used.max(axis=0)))


def _cleaned(soup: Soup, points: Float[np.ndarray, "p 3"], places: Int64[np.ndarray, "n"]) -> Soup:
    """The soup without faces that have no area or come twice; one that is there both ways round has two sides."""
    is_flat = flat_faces(points, places[soup.faces])
    is_repeated, is_both = repeated_faces(places[soup.faces])
    is_bad = is_flat | is_repeated
    if is_bad.all():
        raise BodyError(f"{soup.name} has no triangle with an area: name a file with a surface")
    if not is_bad.any():
        return soup
    return replace(
        soup,
        faces=soup.faces[~is_bad],
        is_two_sided=(soup.is_two_sided | is_both)[~is_bad],
        notes=(*soup.notes, f"{int(is_bad.sum())} faces without area, or there twice, were left out"),
    )


def _oriented(soup: Soup, points: Float[np.ndarray, "p 3"], places: Int64[np.ndarray, "n"]) -> Soup:
    """The soup with its faces looking outward, where its format does not say; open pieces are seen from both sides."""
    if soup.is_wound:
        return soup
    is_inward, is_open = inward_faces(points, places[soup.faces])
    note = (f"{int(is_inward.sum())} faces were turned outward",) if is_inward.any() else ()
    return replace(
        soup,
        faces=np.where(is_inward[:, None], soup.faces[:, ::-1], soup.faces),
        is_two_sided=soup.is_two_sided | is_open,
        notes=(*soup.notes, *note),
    )


def _remarks(welded: Int64[np.ndarray, "f 3"], placement: Placement, size: float) -> list[str]:
    remarks = []
    _, edge_ids = face_edges(welded)
    crowded = int((np.bincount(edge_ids) > 2).sum())
    if crowded:
        remarks.append(f"{crowded} edges have more than two faces (not manifold): used as they are")
    if placement.scale != 1.0:
        remarks.append(f"{size:.4g} units across: worked on as {WORKING_SIZE_M:g} m, written in its own units")
    return remarks


def _layout(
    soup: Soup, points: Float[np.ndarray, "p 3"], welded: Int64[np.ndarray, "f 3"]
) -> tuple[Float[np.ndarray, "t 2"], Int64[np.ndarray, "f 3"], str | None]:
    """Uv points, their ids per corner, and why they are new ones."""
    if soup.uvs is not None:
        problem = layout_problem(soup.uvs, soup.faces)
        if problem is None:
            return np.clip(soup.uvs, 0.0, 1.0), soup.faces, None
    else:
        problem = "it has no uvs"
    used, compact = np.unique(welded, return_inverse=True)
    # Around the origin and of size one: far away or tiny, float32 would leave nothing of the form.
    centred = points[used] - points[used].mean(axis=0)
    return *unwrap(centred / np.abs(centred).max(), compact.reshape(-1, 3).astype(np.int64), soup.name), problem
