"""Shape checking for every annotated function of the package, and one thread so that tests are quick and repeatable."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# As the command line does: threads that wait sleep, or tests that run at once hinder one another.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from jaxtyping import install_import_hook

install_import_hook("clipmatrix", "beartype.beartype")

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture
def generator() -> torch.Generator:
    """A seeded source of randomness."""
    return torch.Generator().manual_seed(20210927)
