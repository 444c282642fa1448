"""Names become encoders; wrong names become one line that lists the right ones; nothing heavy loads unasked."""

import subprocess
import sys
from pathlib import Path

import pytest

from clipmatrix.errors import ModelError
from clipmatrix.guidance.clip import ClipGuidance
from clipmatrix.guidance.fake import FakeGuidance
from clipmatrix.guidance.loading import BUILT_IN, load_guidance


def test_fake_and_folder(clip_folder: Path) -> None:
    assert isinstance(load_guidance("fake"), FakeGuidance)
    assert isinstance(load_guidance(str(clip_folder)), ClipGuidance)


@pytest.mark.parametrize(("name", "hint"), [("minni", "'mini'"), ("Fake", "'fake'"), ("gpt2", "there are"), ("", "")])
def test_unknown_names_list_the_known_ones(name: str, hint: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_guidance(name)
    message = str(caught.value)
    assert hint in message
    assert all(known in message for known in (*BUILT_IN, "--clip FOLDER"))
    assert "\n" not in message


def test_a_folder_in_the_current_one_needs_no_slash(clip_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clip_folder.parent)
    assert load_guidance(clip_folder.name).name == clip_folder.name


def test_transformers_is_imported_only_for_checkpoints() -> None:
    code = """
import sys
from clipmatrix.guidance.loading import load_guidance
load_guidance("fake")
sys.exit(", ".join({"transformers", "huggingface_hub", "anny", "av", "click"} & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
