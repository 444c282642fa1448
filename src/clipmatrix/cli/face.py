"""Facial actions as words of the command line; knows no body."""

from collections.abc import Sequence

from clipmatrix.errors import ExportError


def face_weights(texts: Sequence[str]) -> dict[str, float]:
    """The weights of facial actions written like ``jawOpen=0.6``, or ``jawOpen`` for all of it.

    Raises:
        ExportError: what stands behind the sign is no number.
    """
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = float(value or 1.0)
        except ValueError:
            raise ExportError(f'a facial action is written like jawOpen=0.6, not "{text}": give it a number') from None
    return found
