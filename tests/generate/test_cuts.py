"""Backward passes in stages give what one pass gives."""

import torch

from clipmatrix.generate.cuts import Cut, ThinLeaf
from clipmatrix.losses.texture_change import texture_change_loss, thin_out


def test_stages_add_up_to_one_pass() -> None:
    learnt = torch.tensor([1.0, 2.0, 3.0]).requires_grad_()
    cut = Cut()
    middle = learnt.square()
    cut(middle).exp().sum().backward()
    cut.backward(3.0 * learnt.sum())
    torch.testing.assert_close(learnt.grad, 2 * learnt.detach() * learnt.detach().square().exp() + 3.0)


def test_texels_hand_their_gradient_back() -> None:
    """With a gradient that had reached the texture before, and without one."""
    texture, start = torch.rand(16, 12, 3), torch.rand(16, 12, 3)
    whole = texture.clone().requires_grad_()
    (texture_change_loss(whole, start) + (2.0 * whole).sum()).backward()
    for is_first in (False, True):
        leaf = texture.clone().requires_grad_()
        if not is_first:
            (2.0 * leaf).sum().backward()
        texels = ThinLeaf(leaf, thin_out)
        (texels.leaf - thin_out(start)).square().mean().backward()
        texels.hand_back()
        torch.testing.assert_close(leaf.grad, whole.grad - (2.0 if is_first else 0.0))
