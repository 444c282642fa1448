"""Maps of the body's parts on its texture."""

from dataclasses import replace

import torch
from tests.toy_body import build_toy_body

from clipmatrix.scene.parts import part_maps


def test_parts_share_out_every_texel() -> None:
    maps = part_maps(build_toy_body(), 64)
    assert maps is not None
    assert maps.shape[1:] == (16, 16)
    torch.testing.assert_close(maps.sum(0), torch.ones(16, 16), atol=1e-4, rtol=0)
    assert (maps > 0.5).flatten(1).any(1).sum() > 1


def test_a_body_without_parts_has_no_maps() -> None:
    body = build_toy_body()
    assert part_maps(replace(body, regions={"whole": body.regions["whole"]}), 64) is None
