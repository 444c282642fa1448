"""Tiny checkpoints, written once for all tests of guidance."""

from pathlib import Path

import pytest
from tests.guidance.checkpoints import write_clip, write_siglip, write_siglip2
from transformers.utils import logging

logging.disable_progress_bar()


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP checkpoint; to be copied before it is changed."""
    return write_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="session")
def siglip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SigLIP checkpoint; to be copied before it is changed."""
    return write_siglip(tmp_path_factory.mktemp("siglip"))


@pytest.fixture(scope="session")
def siglip2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SigLIP2 checkpoint; to be copied before it is changed."""
    return write_siglip2(tmp_path_factory.mktemp("siglip2"))
