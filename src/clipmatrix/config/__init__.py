"""The settings of a run: composed of the stages' own configs, read from YAML and written back."""

from clipmatrix.config.presets import QUALITIES, load_config, preset, with_paths
from clipmatrix.config.run import (
    OptimiserConfig,
    RunConfig,
    default_prompts,
    figure_prompts,
)
from clipmatrix.config.yaml_mapping import dump_yaml

__all__ = [
    "QUALITIES",
    "OptimiserConfig",
    "RunConfig",
    "default_prompts",
    "dump_yaml",
    "figure_prompts",
    "load_config",
    "preset",
    "with_paths",
]
