"""A recipe that runs in seconds: a tube for a body, the fake encoder, tiny pictures."""

from pathlib import Path

import numpy as np
from tests.synthetic_character import build_tube


def write_tube(path: Path) -> None:
    """The tube as an OBJ with texture coordinates."""
    mesh = build_tube()
    lines = ["v {:.6f} {:.6f} {:.6f}".format(*row) for row in mesh.vertices.tolist()]
    lines += [f"vt {u:.6f} {1 - v:.6f}" for u, v in mesh.uvs.tolist()]
    corners = np.stack([mesh.faces.numpy(), mesh.face_uvs.numpy()], axis=-1) + 1
    lines += ["f " + " ".join(f"{a}/{b}" for a, b in face) for face in corners.tolist()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def small_recipe(body: str, steps: int, seed: int = 0, text: str = "a red person") -> str:
    """Many small steps from a neutral start; a state is kept after each second."""
    return f"""\
prompts:
  - {{text: {text}}}
quality: draft
seed: {seed}
clip: fake
start: neutral
steps: {steps}
patience: 0
views: 1
resolution: 32
body: "{body}"
preview_every: 0
checkpoint_every: 0
save_every_s: 1.0
video_size: 16
scene: {{texture_size: 64}}
optimiser: {{probe: 0}}
augment: {{num_looks: 1}}
"""
