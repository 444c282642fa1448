"""Run directories: where everything that a run makes is kept."""
