"""The facial actions of Anny as ARKit names them."""

import torch

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.anny_face import anny_morphs


def test_there_are_52_and_they_move_the_head_only() -> None:
    body = load_anny()
    morphs = body.morphs()
    assert len(morphs) == 52
    assert {"jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "tongueOut"} <= {m.name for m in morphs}
    head = body.regions["head"] > 0.5
    for morph in morphs:
        size = morph.offsets.norm(dim=1)
        assert 0.002 < float(size.max()) < 0.06
        assert float(size[~head & (body.template.vertices[:, 1] < 1.3)].max()) == 0.0


def test_left_is_left_and_the_jaw_opens_downwards() -> None:
    body, by_name = load_anny(), {morph.name: morph.offsets for morph in anny_morphs()}
    blinking = by_name["eyeBlinkLeft"].norm(dim=1) > 1e-3
    assert float(body.template.vertices[blinking, 0].mean()) > 0.01
    jaw = by_name["jawOpen"]
    assert float(jaw[jaw.norm(dim=1).argmax(), 1]) < -0.02
    mirrored = by_name["eyeBlinkRight"][body.mirror_ids] * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(mirrored, by_name["eyeBlinkLeft"], atol=1e-3, rtol=0)
