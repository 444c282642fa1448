"""Several encoders at once, and pictures in place of texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image
from tests.guidance.checkpoints import write_clip, write_siglip
from torch import Tensor

from clipmatrix.errors import ModelError, PromptError
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.clip import load_clip
from clipmatrix.guidance.fake import load_fake
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.guidance.panel import Panel, build_panel, word_guidances
from clipmatrix.guidance.pictures import PicturedGuidance, read_picture, with_pictures
from clipmatrix.guidance.prompts import Prompt


@dataclass(frozen=True)
class Dull:
    """An encoder like another, with all cosines squeezed towards one: a constant beside each embedding."""

    inner: Guidance
    constant: float

    @property
    def name(self) -> str:
        return "dull"

    @property
    def image_size(self) -> int:
        return 32

    def encode_texts(self, texts: Sequence[str]) -> Tensor:
        return self._squeeze(self.inner.encode_texts(texts))

    def encode_images(self, images: Tensor) -> Tensor:
        return self._squeeze(self.inner.encode_images(images))

    def fit_text(self, text: str) -> str:
        return text[:5]

    def _squeeze(self, rows: Tensor) -> Tensor:
        rows = torch.cat([rows, torch.full_like(rows[:, :1], self.constant)], dim=1)
        return torch.nn.functional.normalize(rows, dim=1)


def test_rows_are_units_and_products_the_weighed_means(generator: torch.Generator) -> None:
    members = (load_fake(), Dull(load_fake(), 2.0))
    panel = Panel(members, (0.3, 0.7))
    texts, pictures = ["a red person", "a blue man"], torch.rand(3, 3, 48, 48, generator=generator)
    rows, seen = panel.encode_texts(texts), panel.encode_images(pictures)
    assert torch.allclose(rows.norm(dim=1), torch.ones(2))
    singles = [member.encode_images(pictures) @ member.encode_texts(texts).T for member in members]
    assert torch.allclose(seen @ rows.T, 0.3 * singles[0] + 0.7 * singles[1], atol=1e-6)
    assert panel.name == "fake + dull"
    assert panel.image_size == 64
    assert panel.fit_text("a red person") == "a red"


def test_each_has_an_equal_say_whatever_its_cosines_spread() -> None:
    """cos = (x + c^2) / (1 + c^2): with c = 2 a fifth of the spread, so that the dull one gets five times the share."""
    panel = build_panel([load_fake(), Dull(load_fake(), 2.0)])
    assert isinstance(panel, Panel)
    assert panel.shares[1] / panel.shares[0] == pytest.approx(5.0, rel=1e-4)
    assert sum(panel.shares) == pytest.approx(1.0)


def test_an_encoder_twice_is_that_encoder(generator: torch.Generator) -> None:
    one, pictures = load_fake(), torch.rand(2, 3, 40, 40, generator=generator)
    both = build_panel([one, load_fake()])
    texts = ["a green statue", "a person"]
    same = both.encode_images(pictures) @ both.encode_texts(texts).T
    assert torch.allclose(same, one.encode_images(pictures) @ one.encode_texts(texts).T, atol=1e-6)
    assert build_panel([one]) is one


def test_gradients_reach_the_pixels_through_all_members(tmp_path: Path, generator: torch.Generator) -> None:
    folders = write_clip(tmp_path / "clip"), write_siglip(tmp_path / "sig")
    panel = build_panel([load_clip(str(folder), precision="float32") for folder in folders])
    assert isinstance(panel, Panel)
    pictures = torch.rand(1, 3, 48, 48, generator=generator)
    slopes = []
    for guidance in (*panel.members, panel):
        pixels = pictures.clone().requires_grad_()
        (guidance.encode_images(pixels) @ guidance.encode_texts(["a red person"]).T).sum().backward()
        assert pixels.grad is not None
        slopes.append(pixels.grad)
    mean = panel.shares[0] * slopes[0] + panel.shares[1] * slopes[1]
    assert float(slopes[2].abs().max()) > 0
    assert torch.allclose(slopes[2], mean, atol=1e-6)


def test_several_names_load_a_panel_and_repeats_count_once(tmp_path: Path) -> None:
    folder = str(write_clip(tmp_path / "clip"))
    panel = load_guidance(("mini", folder))
    assert isinstance(panel, Panel)
    assert [member.name for member in panel.members] == ["mini", folder]
    assert load_guidance(("fake", "fake")).name == "fake"
    assert len(word_guidances(panel)) == 1


def test_an_encoder_that_tells_nothing_apart_is_refused() -> None:
    with pytest.raises(ModelError, match="tells no two texts apart"):
        build_panel([load_fake(), Dull(load_fake(), 1e6)])
    with pytest.raises(ModelError, match="no encoder"):
        build_panel([])


def _picture(path: Path, color: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> Path:
    Image.new("RGB", size, color).save(path)
    return path


def test_a_pictures_key_is_read_as_the_picture(tmp_path: Path) -> None:
    path = str(_picture(tmp_path / "red.png", (217, 26, 26)))
    prompt = Prompt(image=path)
    guidance = with_pictures(load_fake(), {prompt.target: path})
    assert isinstance(guidance, PicturedGuidance)
    rows = guidance.encode_texts(["a blue person", prompt.target, "a red person"])
    expected = load_fake().encode_texts(["a blue person", "a red person"])
    assert torch.equal(rows[[0, 2]], expected)
    assert torch.allclose(rows[1], load_fake().encode_images(read_picture(Path(path)))[0])
    assert float(rows[1] @ expected[1]) > float(rows[1] @ expected[0])
    assert guidance.fit_text(prompt.target) == prompt.target
    assert torch.equal(guidance.encode_texts([prompt.target])[0], rows[1])
    assert with_pictures(load_fake(), {}) is not guidance


def test_transparent_and_large_pictures(tmp_path: Path) -> None:
    Image.new("RGBA", (2048, 1024), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    seen = read_picture(tmp_path / "clear.png")
    assert seen.shape == (1, 3, 512, 1024)
    assert float(seen.min()) == float(seen.max()) == pytest.approx(184 / 255)


@pytest.mark.parametrize("case", ["missing", "text", "tiny"])
def test_pictures_that_cannot_be_used(case: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    if case == "text":
        path.write_text("no picture")
    if case == "tiny":
        _picture(path, (1, 2, 3), (31, 200))
    with pytest.raises(PromptError, match=r"picture\.png") as caught:
        read_picture(path)
    assert "\n" not in str(caught.value)
