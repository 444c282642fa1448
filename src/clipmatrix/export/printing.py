"""Figures for 3D printers: STL and 3MF in millimetres, closed, and whether they can be printed; knows no printer.

References:
    3MF Consortium, 3D Manufacturing Format, core specification 1.3 and materials extension 1.2.
"""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import torch

from clipmatrix.errors import ExportError
from clipmatrix.export.character import Character
from clipmatrix.export.files import write_bytes
from clipmatrix.export.glb_material import picture_bytes
from clipmatrix.geometry.intersections import self_intersecting
from clipmatrix.geometry.mesh import Mesh, face_normals
from clipmatrix.geometry.quality import signed_volume
from clipmatrix.geometry.solid import closed, solidity, thickness

THINNEST_MM = 0.8
"""Walls below two widths of a usual nozzle (0.4 mm) break, or are not printed at all."""
_SHORTEST_MM, _TALLEST_MM = 5.0, 2000.0
# Fixed, so that the same figure gives the same bytes.
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
_MATERIAL = "http://schemas.microsoft.com/3dmanufacturing/material/2015/02"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_TEXTURE = "/3D/Textures/albedo.png"


@dataclass(frozen=True)
class PrintCheck:
    """Whether a figure can be printed, and lines that say why, or what to mind."""

    is_printable: bool
    lines: tuple[str, ...]


def to_print(character: Character, height_mm: float) -> tuple[Character, PrintCheck]:
    """The figure ``height_mm`` high, standing on z = 0 with +Z up and its holes closed, and the check of it.

    Raises:
        ExportError: the height is out of range, or the figure has none.
    """
    if not _SHORTEST_MM <= height_mm <= _TALLEST_MM:
        raise ExportError(
            f"a printed figure's height must be from {_SHORTEST_MM:g} to {_TALLEST_MM:g} mm, not {height_mm:g}"
        )
    mesh, num_filled = closed(_welded(character.mesh))
    x, y, z = mesh.vertices.detach().double().unbind(1)
    size = float(y.max() - y.min())
    if not size > 0:
        raise ExportError("wanted a figure that has a height, found a flat one; choose another pose")
    scale = height_mm / size
    turned = torch.stack([x - (x.min() + x.max()) / 2, (z.min() + z.max()) / 2 - z, y - y.min()], dim=1) * scale
    made = replace(character, mesh=replace(mesh, vertices=turned.float()))
    return made, check_print(made.mesh, num_filled)


def check_print(mesh: Mesh, num_filled: int = 0) -> PrintCheck:
    """The check of a surface in millimetres.

    Printable is what is closed, of one mind on its outside, and of positive volume. Parts that meet and thin places are
    named, but do not forbid it: slicers unite the first, and the second depend on the printer.
    """
    found = solidity(mesh.faces)
    volume = float(signed_volume(mesh.vertices.double(), mesh.faces))
    is_printable = found.is_closed and volume > 0
    lines = []
    for number, what in (
        (found.open_edges, "open edges"),
        (found.crowded_edges, "edges of more than two faces"),
        (found.twisted_edges, "edges whose faces disagree on the outside"),
    ):
        if number:
            lines.append(f"{number} {what}")
    if found.is_closed and volume <= 0:
        lines.append("its inside is out")
    width, depth, height = (mesh.vertices.amax(0) - mesh.vertices.amin(0)).tolist()
    lines.append(f"{width:.0f} x {depth:.0f} x {height:.0f} mm, {volume / 1000:.1f} cm3")
    if num_filled:
        lines.append(f"{num_filled} holes closed")
    if found.num_shells > 1:
        lines.append(f"{found.num_shells} closed parts, which slicers unite")
    num_meeting = int(self_intersecting(mesh.vertices, mesh.faces).sum())
    if num_meeting:
        lines.append(f"{num_meeting} of {len(mesh.faces)} faces pass through others")
    thin = _thin_share(mesh)
    if thin > 0.001:
        lines.append(f"{100 * thin:.1f} % of its surface is thinner than {THINNEST_MM:g} mm: print it larger")
    return PrintCheck(is_printable, tuple(lines))


def _thin_share(mesh: Mesh) -> float:
    """How much of the surface is thinner than ``THINNEST_MM``, by area."""
    is_thin = torch.from_numpy(thickness(mesh) < THINNEST_MM)[mesh.faces].float().mean(dim=1)
    area = face_normals(mesh.vertices.double(), mesh.faces).norm(dim=1)
    return float((is_thin * area).sum() / area.sum())


def write_stl(path: Path, character: Character) -> None:
    """Writes the surface as a binary STL, in the units that it has.

    Raises:
        ExportError: the file cannot be written.
    """
    mesh = character.mesh
    corners = mesh.vertices.detach().float()[mesh.faces]
    normals = torch.nn.functional.normalize(face_normals(mesh.vertices.detach(), mesh.faces), dim=1)
    rows = np.zeros(len(mesh.faces), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("zero", "<u2")])
    rows["normal"], rows["corners"] = normals.numpy(), corners.numpy()
    header = character.extras.generator.encode("ascii", "replace")[:80].ljust(80)
    write_bytes(path, header + np.uint32(len(rows)).tobytes() + rows.tobytes())


def write_3mf(path: Path, character: Character) -> None:
    """Writes the surface, in millimetres, and its texture as a 3MF package; the same figure gives the same bytes.

    Raises:
        ExportError: the file cannot be written.
    """
    stream = io.BytesIO()
    texture = picture_bytes(character.albedo_srgb)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in (
            ("[Content_Types].xml", _content_types().encode()),
            ("_rels/.rels", _relation("/3D/3dmodel.model", "3dmodel").encode()),
            ("3D/3dmodel.model", "".join(_model(character)).encode()),
            ("3D/_rels/3dmodel.model.rels", _relation(_TEXTURE, "3dtexture").encode()),
            (_TEXTURE.removeprefix("/"), texture),
        ):
            package.writestr(zipfile.ZipInfo(name, _ZIP_DATE), data, zipfile.ZIP_DEFLATED)
    write_bytes(path, stream.getvalue())


def _welded(mesh: Mesh) -> Mesh:
    """The mesh with vertices that lie in one place made one, so that seams are no holes; without flat faces."""
    _, first, ids = np.unique(mesh.vertices.detach().float().numpy(), axis=0, return_index=True, return_inverse=True)
    faces = torch.from_numpy(ids.reshape(-1).astype(np.int64))[mesh.faces]
    is_kept = (faces != faces.roll(1, dims=1)).all(dim=1)
    return Mesh(mesh.vertices.detach()[torch.from_numpy(first)], faces[is_kept], mesh.uvs, mesh.face_uvs[is_kept])


def _content_types() -> str:
    kinds = (
        ("rels", "application/vnd.openxmlformats-package.relationships+xml"),
        ("model", "application/vnd.ms-package.3dmanufacturing-3dmodel+xml"),
        ("png", "image/png"),
    )
    rows = "".join(f'<Default Extension="{ending}" ContentType="{kind}"/>' for ending, kind in kinds)
    space = "http://schemas.openxmlformats.org/package/2006/content-types"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Types xmlns="{space}">{rows}</Types>\n'


def _relation(target: str, kind: str) -> str:
    scheme = f"http://schemas.microsoft.com/3dmanufacturing/2013/01/{kind}"
    row = f'<Relationship Target="{target}" Id="rel0" Type="{scheme}"/>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Relationships xmlns="{_RELATIONS}">{row}</Relationships>\n'


def _model(character: Character) -> Iterator[str]:
    mesh, extras = character.mesh, character.extras
    told = (
        ("Title", "; ".join(extras.prompts)),
        ("Application", extras.generator),
        ("LicenseTerms", extras.licence),
    )
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<model unit="millimeter" xml:lang="en-US" xmlns="{_CORE}" xmlns:m="{_MATERIAL}">\n'
    yield "".join(f"<metadata name={quoteattr(name)}>{escape(_printable(text))}</metadata>\n" for name, text in told)
    yield f'<resources>\n<m:texture2d id="1" path="{_TEXTURE}" contenttype="image/png"/>\n'
    yield '<m:texture2dgroup id="2" texid="1">\n'
    # 3MF counts v from the bottom.
    yield "".join(f'<m:tex2coord u="{u:.6g}" v="{1 - v:.6g}"/>\n' for u, v in mesh.uvs.double().tolist())
    yield '</m:texture2dgroup>\n<object id="3" type="model" pid="2" pindex="0">\n<mesh>\n<vertices>\n'
    yield "".join(f'<vertex x="{x:.6g}" y="{y:.6g}" z="{z:.6g}"/>\n' for x, y, z in mesh.vertices.double().tolist())
    yield "</vertices>\n<triangles>\n"
    for (a, b, c), (p, q, r) in zip(mesh.faces.tolist(), mesh.face_uvs.tolist(), strict=True):
        yield f'<triangle v1="{a}" v2="{b}" v3="{c}" p1="{p}" p2="{q}" p3="{r}" pid="2"/>\n'
    yield '</triangles>\n</mesh>\n</object>\n</resources>\n<build><item objectid="3"/></build>\n</model>\n'


def _printable(text: str) -> str:
    """The text without what XML cannot hold."""
    return "".join(letter for letter in text if letter.isprintable() or letter == "\n")
