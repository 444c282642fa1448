"""Every way a checkpoint can be absent or broken: one line that says what to do, and quickly."""

import json
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel

from clipmatrix.errors import ModelError
from clipmatrix.guidance import hub
from clipmatrix.guidance.clip import load_clip


def _refused(name: str) -> str:
    start = time.monotonic()
    with pytest.raises(ModelError) as caught:
        load_clip(name)
    assert time.monotonic() - start < 8
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 450
    return message


def _edit(path: Path, change: Callable[[dict], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.fixture
def broken(clip_folder: Path, tmp_path: Path) -> Path:
    """A copy to be broken."""
    return Path(shutil.copytree(clip_folder, tmp_path / "copy"))


def test_absent_model_offline_names_the_folder_option_and_mini() -> None:
    message = _refused("nobody/such-model-as-this")
    assert "--clip FOLDER" in message
    assert "mini" in message
    assert "nobody/such-model-as-this" in message


def test_no_network_is_found_out_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    # A reserved name that no resolver answers; allowed online, so that the request is really made.
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "https://hub.invalid")
    message = _refused("nobody/such-model-as-this")
    assert "hub.invalid" in message or "reached" in message
    assert "--clip FOLDER" in message


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "a/b/c", "", "no blanks here", "../x"])
def test_names_that_are_neither_folder_nor_hub_name(name: str) -> None:
    if name == "":
        # The empty path is the current folder, which holds no checkpoint.
        assert "config.json" in _refused(name)
    else:
        assert "no folder" in _refused(name)


def test_a_file_is_no_folder(broken: Path) -> None:
    assert "file" in _refused(str(broken / "config.json"))


def test_a_folder_without_a_checkpoint(tmp_path: Path) -> None:
    assert "config.json" in _refused(str(tmp_path))


def test_a_checkpoint_of_another_kind(tmp_path: Path) -> None:
    config = BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=10)
    BertModel(config).save_pretrained(tmp_path)
    message = _refused(str(tmp_path))
    assert "'bert'" in message
    assert "CLIP or SigLIP" in message


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "preprocessor_config.json"])
@pytest.mark.parametrize("content", ['{"a": ', "[1, 2]", "\x00\xff"])
def test_broken_json(broken: Path, name: str, content: str) -> None:
    (broken / name).write_bytes(content.encode("latin-1"))
    message = _refused(str(broken))
    assert name in message


def test_truncated_and_empty_weights(broken: Path) -> None:
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    assert "broken" in _refused(str(broken))
    weights.write_bytes(b"")
    assert "broken" in _refused(str(broken))


def test_pickled_weights_are_never_opened(broken: Path, tmp_path: Path) -> None:
    (broken / "model.safetensors").unlink()
    (broken / "pytorch_model.bin").write_bytes(b"would be unpickled")
    assert "pickled" in _refused(str(broken))


def test_missing_weights_do_not_become_random_ones(broken: Path) -> None:
    weights = load_file(broken / "model.safetensors")
    gone = next(name for name in sorted(weights) if "vision_model" in name)
    save_file({name: value for name, value in weights.items() if name != gone}, broken / "model.safetensors")
    message = _refused(str(broken))
    assert "lacks 1 weights" in message


def test_weights_of_other_sizes(broken: Path) -> None:
    _edit(broken / "config.json", lambda config: config["vision_config"].update(intermediate_size=64))
    assert "broken" in _refused(str(broken))


def test_sizes_that_make_no_sense(broken: Path) -> None:
    _edit(broken / "config.json", lambda config: config["text_config"].update(hidden_size="wide"))
    assert "broken" in _refused(str(broken))


def test_no_tokenizer(broken: Path) -> None:
    (broken / "tokenizer.json").unlink()
    assert "tokenizer.json" in _refused(str(broken))


def test_tokenizer_of_another_model(broken: Path, siglip2_folder: Path) -> None:
    _edit(
        broken / "tokenizer.json",
        lambda content: content["model"]["vocab"].update({f"x{i}": 500 + i for i in range(400)}),
    )
    assert "ids up to" in _refused(str(broken))


def test_pictures_of_another_size_than_the_tower(broken: Path) -> None:
    _edit(broken / "preprocessor_config.json", lambda content: content.update(size=64, crop_size=64))
    message = _refused(str(broken))
    assert "64" in message
    assert "48" in message


def test_missing_picture_settings_fall_back_to_the_family(
    broken: Path, clip_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (broken / "preprocessor_config.json").unlink()
    with caplog.at_level(logging.WARNING, logger="clipmatrix"):
        guidance = load_clip(str(broken))
    assert "preprocessor_config.json" in caplog.text
    assert guidance.preparation == load_clip(str(clip_folder)).preparation


def test_picture_settings_inside_processor_config(broken: Path, clip_folder: Path) -> None:
    settings = json.loads((broken / "preprocessor_config.json").read_text())
    settings["image_mean"] = [0.1, 0.2, 0.3]
    (broken / "preprocessor_config.json").unlink()
    (broken / "processor_config.json").write_text(json.dumps({"image_processor": settings}))
    assert load_clip(str(broken)).preparation.mean == (0.1, 0.2, 0.3)


def test_clip_without_tokenizer_json_reads_its_vocabulary(broken: Path, clip_folder: Path) -> None:
    model = json.loads((broken / "tokenizer.json").read_text())["model"]
    (broken / "tokenizer.json").unlink()
    (broken / "vocab.json").write_text(json.dumps(model["vocab"]))
    (broken / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(merge) for merge in model["merges"]))
    texts = ["a zebra striped man", "gold"]
    expected = load_clip(str(clip_folder)).encode_texts(texts)
    assert torch.equal(load_clip(str(broken)).encode_texts(texts), expected)
    (broken / "vocab.json").write_text("{")
    assert "broken" in _refused(str(broken))


def test_an_earlier_download_needs_no_network(
    clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--somebody--tiny" / "snapshots" / "0123abc"
    shutil.copytree(clip_folder, snapshot)
    # A download that was broken off has no weights, and is passed over.
    (tmp_path / "models--somebody--tiny" / "snapshots" / "9999abc").mkdir()
    guidance = load_clip("somebody/tiny")
    assert guidance.name == "somebody/tiny"
    assert hub.find_checkpoint("somebody/tiny") == snapshot


class _Discussion:
    def __init__(self, num: int, title: str, author: str) -> None:
        self.num, self.title, self.author = num, title, author
        self.is_pull_request = True
        self.git_reference = f"refs/pr/{num}"


def test_only_the_hubs_own_conversion_of_pickled_weights_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    title = "Adding `safetensors` variant of this model"
    proposals = [_Discussion(1, title, "stranger"), _Discussion(2, "Fix a typo", "SFconvertbot")]
    monkeypatch.setattr("huggingface_hub.HfApi.get_repo_discussions", lambda self, name: iter(proposals))
    assert hub._converted_revision("somebody/old") is None
    proposals.append(_Discussion(3, title, "SFconvertbot"))
    assert hub._converted_revision("somebody/old") == "refs/pr/3"


def test_a_download_asks_for_no_pickles_and_falls_back_to_the_conversion(
    clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str | None, list[str]]] = []

    def snapshot(name: str, *, allow_patterns: list[str], revision: str | None = None) -> str:
        asked.append((revision, allow_patterns))
        return str(tmp_path if revision is None else clip_folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    monkeypatch.setattr(hub, "_converted_revision", lambda name: "refs/pr/3")
    assert hub._download("somebody/old") == clip_folder
    assert [revision for revision, _ in asked] == [None, "refs/pr/3"]
    assert not any("bin" in pattern or pattern == "*" for _, patterns in asked for pattern in patterns)
