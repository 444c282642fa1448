"""A studio on an empty folder, and its addresses without a net."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from clipmatrix.studio.guard import Guard
from clipmatrix.studio.routes import content_policy, install
from clipmatrix.studio.studio import Studio


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """A studio whose foreman does not look after its queue."""
    made = Studio(tmp_path / "runs")
    yield made
    made.foreman.close(ends_worker=True)


@pytest.fixture
def client(studio: Studio) -> Iterator[TestClient]:
    """Its addresses, behind the guard."""
    app = FastAPI()
    install(app, studio)
    with TestClient(
        Guard(app, content_policy()), base_url="http://127.0.0.1:7860", raise_server_exceptions=False
    ) as opened:
        yield opened
