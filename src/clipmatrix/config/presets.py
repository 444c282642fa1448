"""The three qualities, and configs out of files; knows nothing of the command line."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from clipmatrix.config.run import RunConfig
from clipmatrix.config.yaml_mapping import load_yaml, nearest, top_level_value
from clipmatrix.errors import ConfigError
from clipmatrix.intake import read_bounded
from clipmatrix.scene.config import SceneConfig

_LARGEST_BYTES = 1_000_000


def _draft() -> RunConfig:
    return RunConfig(quality="draft", steps=150, patience=50, scene=SceneConfig(texture_size=512))


def _standard() -> RunConfig:
    return RunConfig()


def _fine() -> RunConfig:
    return RunConfig(
        quality="fine", steps=1200, patience=200, views=8, resolution=320, scene=SceneConfig(texture_size=2048)
    )


_PRESETS: dict[str, Callable[[], RunConfig]] = {"draft": _draft, "standard": _standard, "fine": _fine}

QUALITIES = tuple(_PRESETS)
"""From quick to slow."""


def preset(quality: str) -> RunConfig:
    """The settings of a quality; ``standard`` is the paper's.

    Raises:
        ConfigError: there is no such quality.
    """
    if quality not in _PRESETS:
        raise ConfigError(f'there is no quality "{quality}": {nearest(quality, _PRESETS)}')
    return _PRESETS[quality]()


def load_config(path: Path, quality: str | None = None) -> RunConfig:
    """The config of a YAML file over a preset: that of ``quality``, else of the file's own quality, else standard.

    Raises:
        ConfigError: the file cannot be read, or says something that makes no sense; with its line.
    """
    try:
        text = read_bounded(path, _LARGEST_BYTES).decode("utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): name a YAML file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no UTF-8 text: name a YAML file") from error
    named = top_level_value(text, "quality")
    base = preset(quality or (named if named in _PRESETS else "standard"))
    config = with_paths(load_yaml(text, str(path), base), path.parent)
    return config if quality is None else dataclasses.replace(config, quality=base.quality)


def with_paths(config: RunConfig, folder: Path) -> RunConfig:
    """The config with its pictures' paths taken from that folder, where its file lies."""
    prompts = tuple(
        dataclasses.replace(prompt, image=_from(folder, prompt.image)) if prompt.image else prompt
        for prompt in config.prompts
    )
    texture = config.parameters.texture
    if texture.start_image:
        texture = dataclasses.replace(texture, start_image=_from(folder, texture.start_image))
    return dataclasses.replace(
        config, prompts=prompts, parameters=dataclasses.replace(config.parameters, texture=texture)
    )


def _from(folder: Path, name: str) -> str:
    # Absolute, since the record of a run is another file in another folder.
    return str((folder / Path(name).expanduser()).resolve())
