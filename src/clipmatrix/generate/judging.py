"""How well a finished run fits its texts, by an encoder that need not have guided it; knows no ranking."""

import math
from pathlib import Path

from clipmatrix.config import load_config
from clipmatrix.config.resolving import resolve
from clipmatrix.errors import RunError
from clipmatrix.generate.exam import Exam
from clipmatrix.generate.sharing import PartsShelf
from clipmatrix.guidance.base import Guidance
from clipmatrix.runs.directory import open_run
from clipmatrix.runs.files import read_file
from clipmatrix.scene.checkpoint import restore_scene
from clipmatrix.scene.scene import Scene
from clipmatrix.scene.start import neutral_start


def judge_run(path: Path, judge: Guidance, shelf: PartsShelf) -> float:
    """The mark of the run's result in [0, 1] in the views of ``Exam``, which no descent has seen; about two seconds.

    Raises:
        ClipMatrixError: there is no such run, or it has made no checkpoint that this version reads.
    """
    run = open_run(path)
    checkpoint = run.result_checkpoint()
    if checkpoint is None:
        raise RunError(f"{path} has no checkpoint to be judged: let it finish")
    config = load_config(run.config_path)
    parts, config = shelf.parts(config), resolve(config)
    scene = Scene(parts.body, neutral_start(parts.body), config.scene)
    restore_scene(scene, read_file(checkpoint), str(checkpoint))
    mark = Exam(parts, judge, config)(scene)
    return mark if math.isfinite(mark) else 0.0
