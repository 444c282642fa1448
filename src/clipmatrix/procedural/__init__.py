"""Looks as parameters: solid textures, materials, patterns, colours and shape changes, named by data tables.

Knows bodies only as rest positions, region weights and normals. Training makes its pictures from it, and the search
for a start its candidates.
"""
