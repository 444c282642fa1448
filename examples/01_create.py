"""The shortest way: a prompt in, a GLB out."""

from dataclasses import replace
from pathlib import Path

from clipmatrix import create, default_prompts, preset

config = replace(preset("draft"), prompts=default_prompts("a mossy stone giant"), seed=1)
run = create(config, Path("giant"))
print("open this in Blender:", run.glb_path)
