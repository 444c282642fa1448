"""A dictionary of a few words in WordNet's format, made up."""

from pathlib import Path

_NOUNS = """\
  1 A line of the licence
00000010 03 n 01 matter 0 000 | what things are of
00000020 03 n 02 wood 0 timber 1 001 @ 00000010 n 0000 | what trees are of; "a table of wood"
00000030 03 n 01 oak 0 002 @ 00000020 n 0000 + 00000010 a 0101 | a hard wood
00000040 03 n 01 oak 1 001 @ 00000050 n 0000 | a tree with acorns
00000050 03 n 01 sea_tree 0 000 | grows
"""
_ADJECTIVES = """\
00000010 00 a 01 oaken(p) 0 002 \\ 00000030 n 0101 & 00000020 a 0000 | made of oak
00000020 00 s 01 wooden 0 000 | made of wood
"""
_INDEX = {
    "noun": "oak n 2 2 @ + 2 1 00000030 00000040\nsea_tree n 1 0 1 0 00000050\nwood n 1 1 @ 1 1 00000020\n",
    "adj": "oaken a 1 2 \\ & 1 0 00000010\nwooden a 1 0 1 0 00000020\n",
}


def write_dictionary(folder: Path) -> Path:
    """The folder, with the dictionary's files."""
    for part in ("noun", "verb", "adj", "adv"):
        (folder / f"index.{part}").write_text("  1 A line of the licence\n" + _INDEX.get(part, ""))
        (folder / f"data.{part}").write_text({"noun": _NOUNS, "adj": _ADJECTIVES}.get(part, ""))
    return folder
