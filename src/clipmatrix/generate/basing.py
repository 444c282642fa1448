"""The finished state of another run as the place where a descent sets out from; knows nothing of steps."""

from pathlib import Path

from clipmatrix.config import RunConfig, load_config
from clipmatrix.errors import ConfigError, RunError
from clipmatrix.runs.directory import Run, open_run
from clipmatrix.runs.files import read_file


def read_base(config: RunConfig, out: Path, is_begun: bool = False) -> bytes | None:
    """The checkpoint that ``config.base`` names, or None where it names none.

    A run that ``is_begun`` has a copy of its own, so that it can be resumed when the other is gone.

    Raises:
        RunError: the base is no run, or has made no checkpoint yet.
        ConfigError: it has another body or another size of texture, or is the run itself.
    """
    if not config.base:
        return None
    kept = Run(out).base_path
    if is_begun and kept.is_file():
        return read_file(kept)
    if Path(config.base).resolve() == out.resolve():
        raise ConfigError(f"base must be another run than {out}: choose another --out")
    base = open_run(Path(config.base))
    theirs = load_config(base.config_path)
    if theirs.body != config.body:
        raise ConfigError(f"base {config.base} has the body {theirs.body}, not {config.body}: use --body {theirs.body}")
    if theirs.scene.texture_size != config.scene.texture_size:
        raise ConfigError(
            f"base {config.base} has a texture of {theirs.scene.texture_size}, not {config.scene.texture_size} pixels: "
            f"use --quality {theirs.quality}, or set scene: texture_size: {theirs.scene.texture_size}"
        )
    checkpoint = base.result_checkpoint()
    if checkpoint is None:
        raise RunError(f"base {config.base} has no checkpoint yet: let it finish first")
    return read_file(checkpoint)
