"""The command line; knows nothing of what the api does behind its door."""

from clipmatrix.cli.app import main

__all__ = ["main"]
