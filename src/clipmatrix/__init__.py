"""ClipMatrix: text in, a textured, rigged, animated 3D character out."""

__version__ = "0.1.0"
