"""``python -m clipmatrix``: the command line."""

from clipmatrix.cli import main

main()
