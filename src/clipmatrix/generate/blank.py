"""A scene that a run's saved state fits into; knows no runs and no files."""

from clipmatrix.bodies.body import Body
from clipmatrix.config import RunConfig
from clipmatrix.config.resolving import resolve
from clipmatrix.generate.distributions import build_habits
from clipmatrix.generate.starts import neutral_starts
from clipmatrix.scene.scene import Scene


def blank_scene(body: Body, config: RunConfig) -> Scene:
    """The neutral scene with every texture set and every habit that runs of these settings have.

    The settings may be those of the user or resolved ones.
    """
    resolved = resolve(config)
    starts = neutral_starts(body, resolved)
    light, habits = resolved.parameters.lights.start, build_habits(body, resolved)
    return Scene(body, starts.main, resolved.scene, starts.outfits, light, habits)
