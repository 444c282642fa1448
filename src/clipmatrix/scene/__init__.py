"""The learnable parameters, and the surface that they make."""
