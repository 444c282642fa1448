"""Looks as the search ends with them, for one sentence and seed, on Anny's body."""

from functools import cache

import numpy as np

from clipmatrix.bodies.anny import load_anny
from clipmatrix.bodies.body import Body
from clipmatrix.generate.finishing import finish, measure_figure
from clipmatrix.procedural.dressing import dress
from clipmatrix.procedural.looks import Look
from clipmatrix.procedural.reading import read


@cache
def anny() -> Body:
    """The body, loaded once."""
    return load_anny()


def finished_look(text: str, seed: int = 0) -> Look:
    """A look that wears what the sentence says, with its hat, hair, hems and cape."""
    figure = measure_figure(anny())
    assert figure is not None
    reading = read(text)
    return finish(dress(np.random.default_rng(seed), reading), reading, figure)
