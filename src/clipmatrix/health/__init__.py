"""Whether a finished character is sound: one verdict for each thing that can be wrong with a mesh and its texture."""
