"""Folders of runs as something to look at: what is known of each run, small pictures, and a static site."""
