"""The encoder and the body of the last run, kept for the next one; knows nothing of runs."""

from clipmatrix.bodies.body import Body
from clipmatrix.bodies.loading import load_figures
from clipmatrix.config import RunConfig
from clipmatrix.config.resolving import resolve
from clipmatrix.generate.loading import build_parts, find_device
from clipmatrix.generate.parts import Parts
from clipmatrix.guidance.base import Guidance
from clipmatrix.guidance.loading import load_guidance


class PartsShelf:
    """Gives each run its parts, and loads an encoder or a body only where it is another than the last one's.

    A process that is forked once they are loaded shares their memory.
    """

    def __init__(self) -> None:
        self._guidance: tuple[object, Guidance] | None = None
        self._body: tuple[tuple[object, ...], Body] | None = None

    def parts(self, config: RunConfig) -> Parts:
        """The parts of a run.

        Raises:
            ClipMatrixError: as ``load_parts``.
        """
        config = resolve(config)
        return build_parts(self.guidance(config), self.body(config), config, find_device(config.device))

    def guidance(self, config: RunConfig) -> Guidance:
        """The encoder that these settings name, or the panel of several.

        Raises:
            ModelError: it is missing or broken.
            ConfigError: it is wanted on a device that is not there.
        """
        key = (config.clip, find_device(config.device))
        if self._guidance is None or self._guidance[0] != key:
            self._guidance = (key, load_guidance(*key))
        return self._guidance[1]

    def body(self, config: RunConfig) -> Body:
        """The body that these settings name.

        Raises:
            BodyError: its file is missing or broken.
        """
        key = (config.body, config.subdivide, config.body_up, config.num_figures)
        if self._body is None or self._body[0] != key:
            self._body = (key, load_figures(*key))
        return self._body[1]
