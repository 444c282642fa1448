"""The weightless guidance: deterministic, smooth, and steering by colour."""

import pytest
import torch
from torch import Tensor

from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.fake import load_fake


def _flat(color: tuple[float, float, float]) -> Tensor:
    return torch.tensor(color)[None, :, None, None].expand(1, 3, 64, 64)


def test_it_is_a_guidance_of_unit_embeddings(generator: torch.Generator) -> None:
    guidance: Guidance = load_fake()
    images = guidance.encode_images(torch.rand(3, 3, 70, 50, generator=generator))
    texts = guidance.encode_texts(["a red man", "???", "x"])
    assert images.shape == texts.shape
    assert torch.allclose(torch.cat([images, texts]).norm(dim=1), torch.ones(6), atol=1e-5)


def test_every_colour_word_prefers_its_own_colour() -> None:
    colors = {"red": (0.9, 0.1, 0.1), "green": (0.1, 0.7, 0.1), "blue": (0.1, 0.1, 0.9), "white": (1.0, 1.0, 1.0)}
    colors |= {"black": (0.0, 0.0, 0.0), "grey": (0.5, 0.5, 0.5), "yellow": (0.9, 0.9, 0.1)}
    guidance = load_fake()
    images = torch.cat([guidance.encode_images(_flat(color)) for color in colors.values()])
    texts = guidance.encode_texts([f"A {word.upper()} person, standing" for word in colors])
    assert (texts @ images.T).argmax(dim=1).tolist() == list(range(len(colors)))


@pytest.mark.parametrize(("text", "channel"), [("a red man", 0), ("a green man", 1), ("a blue man", 2)])
def test_ascent_paints_the_colour(text: str, channel: int) -> None:
    guidance = load_fake()
    target = guidance.encode_texts([text])
    pixels = torch.zeros(1, 3, 32, 32, requires_grad=True)
    optimizer = torch.optim.Adam([pixels], lr=0.1)
    for _ in range(40):
        optimizer.zero_grad()
        loss = -(guidance.encode_images(pixels.sigmoid()) * target).sum()
        loss.backward()
        optimizer.step()
    mean = pixels.sigmoid().mean(dim=(0, 2, 3))
    assert mean.argmax().item() == channel
    assert mean[channel] > mean.sum() - mean[channel]


def test_gradients_agree_with_differences(generator: torch.Generator) -> None:
    guidance = load_fake()
    images = torch.rand(1, 3, 40, 40, generator=generator)
    direction = torch.randn(images.shape, generator=generator)
    target = guidance.encode_texts(["a purple man"])
    pixels = images.clone().requires_grad_()
    (guidance.encode_images(pixels) * target).sum().backward()
    assert pixels.grad is not None
    ahead, behind = ((guidance.encode_images(images + s * direction) * target).sum().item() for s in (0.01, -0.01))
    assert (pixels.grad * direction).sum().item() == pytest.approx((ahead - behind) / 0.02, rel=0.02, abs=2e-5)


def test_texts_differ_but_only_by_their_words() -> None:
    guidance = load_fake()
    first, second, third = guidance.encode_texts(["a red man", "A  red MAN!", "a red dragon"])
    assert torch.equal(first, second)
    assert not torch.allclose(first, third, atol=1e-4)
    assert torch.equal(load_fake().encode_texts(["a red man"])[0], first)


def test_long_texts_are_cut_after_forty_words() -> None:
    guidance = load_fake()
    text = " ".join(f"word{i}" for i in range(50))
    assert guidance.fit_text(text) == " ".join(f"word{i}" for i in range(40))
    assert torch.equal(guidance.encode_texts([text]), guidance.encode_texts([guidance.fit_text(text)]))
