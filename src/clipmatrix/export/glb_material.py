"""The material of a GLB file and the pictures in it, as PNG, JPEG or WebP; knows neither meshes nor skeletons.

References:
    Khronos Group, glTF 2.0 Specification, 2021, section 3.9; EXT_texture_webp.
"""

import io
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from clipmatrix.errors import ExportError
from clipmatrix.export.character import Character
from clipmatrix.export.glb import BinaryChunk, Json

Codec = Literal["png", "jpeg", "webp"]
CODECS: tuple[Codec, ...] = ("png", "jpeg", "webp")
_WEBP = "EXT_texture_webp"
_LINEAR, _LINEAR_MIPMAPS, _CLAMP = 9729, 9987, 33071


@dataclass(frozen=True)
class TextureFormat:
    """How pictures are stored: PNG keeps each value; JPEG and WebP are smaller by ``quality``, from 1 to 100."""

    codec: Codec = "png"
    quality: int = 90

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise ExportError(f"a texture's quality must be from 1 to 100, not {self.quality}: use for instance 90")


PNG = TextureFormat()


def picture_bytes(
    image: UInt8[np.ndarray, "h w 3"], texture_format: TextureFormat = PNG, is_data: bool = False
) -> bytes:
    """The picture as a file in memory; directions and factors (``is_data``) lose as little as the format allows."""
    stream = io.BytesIO()
    options: dict[str, Any] = {}
    match texture_format.codec:
        case "png":
            options = {}
        case "jpeg":
            quality = max(texture_format.quality, 95) if is_data else texture_format.quality
            options = {"quality": quality, "subsampling": 0 if is_data or quality >= 85 else 2}
        case "webp":
            options = {"lossless": True} if is_data else {"quality": texture_format.quality, "method": 5}
    Image.fromarray(image).save(stream, format=texture_format.codec.upper(), **options)
    return stream.getvalue()


def add_material(
    document: Json,
    chunk: BinaryChunk,
    character: Character,
    texture_format: TextureFormat = PNG,
    is_double_sided: bool = False,
) -> None:
    """Puts the character's material, its textures and their pictures into the document."""
    factors: Json = {
        "metallicFactor": float(np.clip(character.metallic, 0, 1)),
        "roughnessFactor": float(np.clip(character.roughness, 0, 1)),
    }
    material: Json = {"name": "skin", "doubleSided": is_double_sided, "pbrMetallicRoughness": factors}
    document |= {
        "materials": [material],
        "textures": [],
        "samplers": [{"magFilter": _LINEAR, "minFilter": _LINEAR_MIPMAPS, "wrapS": _CLAMP, "wrapT": _CLAMP}],
        "images": [],
    }

    def add(name: str, image: np.ndarray, is_data: bool) -> Json:
        data = picture_bytes(image, texture_format, is_data)
        index = len(document["images"])
        document["images"].append(
            {"name": name, "mimeType": f"image/{texture_format.codec}", "bufferView": chunk.add_blob(data)}
        )
        texture: Json = {"sampler": 0, "source": index}
        if texture_format.codec == "webp":
            texture = {"sampler": 0, "extensions": {_WEBP: {"source": index}}}
        document["textures"].append(texture)
        return {"index": index}

    factors["baseColorTexture"] = add("albedo", character.albedo_srgb, False)
    if character.metallic_roughness_map is not None:
        factors["metallicRoughnessTexture"] = add("metallic_roughness", character.metallic_roughness_map, True)
    if character.normal_map is not None:
        material["normalTexture"] = add("normal", character.normal_map, True)
    if texture_format.codec == "webp":
        use_extension(document, _WEBP, is_required=True)


def use_extension(document: Json, name: str, is_required: bool = False) -> None:
    """Notes that the document uses a glTF extension, and whether it cannot be shown without."""
    for key in ("extensionsUsed", "extensionsRequired")[: 2 if is_required else 1]:
        if name not in document.setdefault(key, []):
            document[key].append(name)
