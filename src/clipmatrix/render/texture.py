"""Mip-mapped texture lookups; knows uv points and footprints, not what a texture means.

A texture of 1024 texels seen on 200 pixels is minified five times: one bilinear lookup would read a fifth of its
texels, and training would write noise into those. The pyramid's level l holds means of 2^l x 2^l texels, taken in
linear light. A pixel whose step to its neighbours covers s texels reads levels floor(log2 s) and the next, and blends.
References: Williams, Pyramidal Parametrics, SIGGRAPH 1983. Khronos Group, OpenGL 4.6, 2022, section 8.14.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from clipmatrix.render.fused_cpu import halve
from clipmatrix.render.texture_cpu import read_trilinear


def build_pyramid(texture: Float[Tensor, "th tw c"], num_levels: int) -> list[Float[Tensor, "_ _ c"]]:
    """The texture and its halvings, finest first, at most ``num_levels``, down to a single texel.

    The mean of each level is that of the texture where its sides are powers of two. Differentiable.
    """
    levels = [texture]
    while len(levels) < num_levels and max(levels[-1].shape[:2]) > 1:
        levels.append(halve(levels[-1]))
    return levels


def coarsest_level(texture_size: tuple[int, int]) -> int:
    """The number of the pyramid's single texel, 0 if the texture is one."""
    return (max(texture_size) - 1).bit_length()


def mip_levels(
    uv_per_column: Float[Tensor, "n 2"], uv_per_row: Float[Tensor, "n 2"], texture_size: tuple[int, int]
) -> Float[Tensor, "n"]:
    """The pyramid level whose texels are as large as the longer of a pixel's two steps; 0 is the texture itself.

    ``texture_size`` is rows and columns. No gradient: where to look is a choice, not a quantity.
    """
    with torch.no_grad():
        scale = uv_per_column.new_tensor([texture_size[1], texture_size[0]])
        longest = torch.maximum((uv_per_column * scale).square().sum(-1), (uv_per_row * scale).square().sum(-1))
        return (0.5 * torch.log2(longest.clamp_min(1.0))).clamp_max(coarsest_level(texture_size))


def sample_texture(
    texture: Float[Tensor, "th tw c"],
    uv: Float[Tensor, "n 2"],
    uv_per_column: Float[Tensor, "n 2"],
    uv_per_row: Float[Tensor, "n 2"],
) -> Float[Tensor, "n c"]:
    """Trilinear lookups of all points at once; outside [0, 1] the border's texels go on.

    ``uv`` has its origin at the top left. The other two are its steps to the pixel on the right and to the one below.
    Differentiable in ``texture`` and ``uv``. On the CPU one compiled pass reads, and one writes the gradient;
    ``sample_texture_reference`` is their twin. A single texel costs nothing.
    """
    rows, columns, num_channels = texture.shape
    num_points = uv.shape[0]
    if rows == columns == 1:
        return texture.reshape(1, num_channels).expand(num_points, num_channels)
    if num_points == 0:
        return uv.new_zeros(0, num_channels)
    level = mip_levels(uv_per_column, uv_per_row, (rows, columns))
    if texture.device.type == "cpu":
        return read_trilinear(texture, uv, level)
    return sample_texture_reference(texture, uv, level)


def sample_texture_reference(
    texture: Float[Tensor, "th tw c"], uv: Float[Tensor, "n 2"], level: Float[Tensor, "n"]
) -> Float[Tensor, "n c"]:
    """The blend of the two levels around each point's, in plain torch; there are two levels and a point at least.

    Each level of the pyramid is read by one ``grid_sample``, so that the texture's gradient is built once however many
    views there are.
    """
    num_points = uv.shape[0]
    coarsest = coarsest_level((texture.shape[0], texture.shape[1]))
    fine_level = level.floor().clamp_max(coarsest - 1).long()
    blend = level - fine_level
    # Points sorted by level: those that read level l are then one slice, the points of group l - 1 and of group l.
    order = torch.argsort(fine_level, stable=True)
    counts = torch.bincount(fine_level).tolist()
    grid = (2.0 * uv - 1.0).index_select(0, order)
    pyramid = build_pyramid(texture, len(counts) + 1)
    fine, coarse = _read_levels(pyramid, grid, counts)
    blended = torch.lerp(fine, coarse, blend.index_select(0, order)[:, None])
    place = torch.empty_like(order)
    place[order] = torch.arange(num_points, device=order.device)
    return blended.index_select(0, place)


def _read_levels(
    pyramid: list[Float[Tensor, "_ _ c"]], grid: Float[Tensor, "n 2"], counts: list[int]
) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n c"]]:
    """What each point reads on its own level and on the next; ``counts`` points per level, in order."""
    fine, coarse = [], []
    end = 0
    previous = 0
    for level, count in enumerate([*counts, 0]):
        start, end = end - previous, end + count
        if end > start:
            texels = pyramid[level].permute(2, 0, 1)[None]
            read = torch.nn.functional.grid_sample(
                texels, grid[start:end][None, None], mode="bilinear", padding_mode="border", align_corners=False
            )[0, :, 0].t()
            coarse.append(read[:previous])
            fine.append(read[previous:])
        previous = count
    return torch.cat(fine), torch.cat(coarse)
