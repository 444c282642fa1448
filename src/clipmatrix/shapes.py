"""The dimension letters of every shape annotation; knows no code.

One letter has one meaning everywhere:

    b views   v vertices   f faces   t uv points   e edges   j joints   k joint influences (4)
    s shape coefficients   r regions   h w image rows and columns   th tw texture rows and columns
    p prompts   d embedding width   n samples of whatever the function speaks of
"""

from typing import NamedTuple


class ImageSize(NamedTuple):
    """Height and width of an image in pixels."""

    height: int
    width: int
