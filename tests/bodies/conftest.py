"""Bodies that the tests of this folder share."""

import pytest
from tests.support_body import build_support_body

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.body import Body


@pytest.fixture(scope="session")
def anny_body() -> Body:
    """The real body; a second to load, half a minute on a machine that never had it."""
    return load_anny()


@pytest.fixture
def support_body() -> Body:
    """The capsule humanoid."""
    return build_support_body()
