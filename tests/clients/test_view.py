"""The local viewing page in a real browser: it shows, plays and moves the face, and asks nobody but us."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.cli.motion_run import build_motion_run

from clipmatrix.viewer.server import Viewer


@pytest.mark.client
def test_the_page_shows_the_character_moving(tmp_path: Path, run_node: Callable[..., Any], chromium: str) -> None:
    made = build_motion_run(tmp_path / "run")
    with Viewer(made.glb_path, "a test figure") as viewer:
        thread = threading.Thread(target=viewer.serve, daemon=True)
        thread.start()
        try:
            found = run_node("view.mjs", viewer.url, chromium, str(tmp_path / "page.png"))
        finally:
            viewer.stop()
            thread.join()
        strangers = [url for url in found["requests"] if not url.startswith((viewer.url, "blob:", "data:"))]
    assert found["complaints"] == []
    assert strangers == []
    assert found["ready"] == "true"
    assert [name.split()[0] for name in found["clips"]] == ["rest", "walk", "wave"]
    assert found["actions"] == ["jawOpen", "browInnerUp"]
    assert found["hasMoved"]
    assert found["hasFace"]
    assert "a test figure" in found["facts"]
    assert np.asarray(Image.open(tmp_path / "page.png").convert("RGB")).std() > 20
