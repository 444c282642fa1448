"""A small picture of the growing character, turning, made anew every second or so; knows nothing of steps or events."""

import io
import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch
from PIL import Image

from clipmatrix.export.images import FOV_Y, SHEET_ELEVATION, display, framing, studio_lights
from clipmatrix.render.fragments import Rasterizer
from clipmatrix.render.pipeline import render
from clipmatrix.scene.scene import Scene
from clipmatrix.shapes import ImageSize
from clipmatrix.views.camera import orbit

LONGEST_SHARE = 0.02
"""The share of a run's time that its live picture may take."""

_SIDE = 400
_SECONDS = 1.0
_TURN_A_SECOND = math.radians(15)
_LAST_TURN = math.radians(20)
_ALL_ROUND = torch.arange(8) * (math.tau / 8)


class LivePicture:
    """Keeps the picture at ``path`` fresh: once a second, or less often where that would cost over 2 % of the time."""

    def __init__(self, path: Path, rasterizer: Rasterizer) -> None:
        self._path, self._rasterizer = path, rasterizer
        self._began = self._next = time.monotonic()

    def see(self, scene: Callable[[], Scene]) -> None:
        """Draws the scene if it is time to. Draws nothing at random, and a place that cannot be written is let be."""
        began = time.monotonic()
        if began < self._next:
            return
        self._write(self._draw(scene(), (began - self._began) * _TURN_A_SECOND))
        now = time.monotonic()
        self._next = max(began + _SECONDS, now + (now - began) * (1.0 / LONGEST_SHARE - 1.0))

    def see_last(self, scene: Scene) -> None:
        """Draws the scene as it will be exported, from a little beside the front."""
        self._write(self._draw(scene, _LAST_TURN))

    def _write(self, data: bytes) -> None:
        scratch = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            # The next picture is a second away: unlike results, this one need not outlive a power cut.
            scratch.write_bytes(data)
            os.replace(scratch, self._path)

    def _draw(self, scene: Scene, turn: float) -> bytes:
        """JPEG bytes of the bind pose, seen from ``turn`` radians beside the front."""
        azimuth = torch.tensor([turn])
        with torch.no_grad():
            surface = scene.surface(lights=studio_lights(azimuth))
            # One distance for all sides: the figure must not swell as it turns.
            target, distances = framing(
                surface.vertices_world, _ALL_ROUND, torch.full_like(_ALL_ROUND, SHEET_ELEVATION)
            )
            cameras = orbit(
                target[None],
                azimuth,
                torch.tensor([SHEET_ELEVATION]),
                distances.max()[None],
                torch.tensor([FOV_Y]),
            )
            images = render(surface, cameras, ImageSize(_SIDE, _SIDE), rasterizer=self._rasterizer)
        stream = io.BytesIO()
        Image.fromarray(display(images)[0]).save(stream, "JPEG", quality=88)
        return stream.getvalue()
