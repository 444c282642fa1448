"""The shape checker must be awake: without it every annotation in the package is a comment."""

import jaxtyping
import pytest
import torch

from clipmatrix.geometry.mesh import face_normals


def test_wrong_shape_is_refused() -> None:
    with pytest.raises(jaxtyping.TypeCheckError):
        face_normals(torch.zeros(5, 2), torch.zeros(1, 3, dtype=torch.int64))
