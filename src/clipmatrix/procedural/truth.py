"""Whether what a caption states is true of what a picture shows, false, or undecidable; knows no wording."""

import numpy as np

from clipmatrix.procedural.characters import AXES, may_wear, near_characters
from clipmatrix.procedural.statements import Facts, Statement
from clipmatrix.procedural.tables import SLOTS, kind_ids, surfaces

SAME_COLOR, OTHER_COLOR = 0.075, 0.14
"""OKLab distances below which two colours count as one, and above which as two."""


def _color_verdict(said: np.ndarray, seen: np.ndarray, is_ordered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether two colours said (t 2 3) are those seen (i 2 3): (false, undecidable), each (i t)."""

    def distance(first: int, second: int) -> np.ndarray:
        gap = np.linalg.norm(said[None, :, first] - seen[:, None, second], axis=-1)
        return np.where(np.isnan(gap), 0.0, gap)

    straight = np.maximum(distance(0, 0), distance(1, 1))
    crossed = np.maximum(distance(0, 1), distance(1, 0))
    has_two = ~np.isnan(said[:, 1, 0])
    worst = np.where((~is_ordered & has_two)[None], np.minimum(straight, crossed), straight)
    return worst > OTHER_COLOR, (worst > SAME_COLOR) & (worst <= OTHER_COLOR)


def _near_kinds() -> np.ndarray:
    ids, table = kind_ids(), surfaces()
    near = np.zeros((len(ids), len(ids)), bool)
    for name, surface in table.items():
        for other in surface.near:
            if other in ids:
                near[ids[name], ids[other]] = near[ids[other], ids[name]] = True
    return near


_NEAR = _near_kinds()
_IS_ORDERED = np.array([surface.is_ordered for surface in surfaces().values()])
_SOLID = kind_ids()["solid"]


def judge(statements: list[Statement], facts: list[Facts]) -> tuple[np.ndarray, np.ndarray]:
    """Which statements are true of which pictures, and which cannot be decided: two arrays (facts, statements)."""
    kinds, labs = np.stack([s.kinds for s in statements]), np.stack([s.colors for s in statements])
    said_builds = np.stack([s.builds for s in statements])
    seen_kinds, seen_labs = np.stack([f.kinds for f in facts]), np.stack([f.colors for f in facts])
    seen_builds = np.stack([f.builds for f in facts])
    visible, visible_builds = np.stack([f.seen for f in facts]), np.stack([f.seen_builds for f in facts])
    shape = (len(facts), len(statements))
    is_false, is_open = np.zeros(shape, bool), np.zeros(shape, bool)
    for slot in range(len(SLOTS)):
        said = kinds[:, slot]
        stated, shown = (said >= 0)[None], visible[:, slot, None]
        same_kind = seen_kinds[:, slot, None] == said[None]
        near_kind = _NEAR[seen_kinds[:, slot]][:, np.maximum(said, 0)]
        wrong, unsure = _color_verdict(labs[:, slot], seen_labs[:, slot], _IS_ORDERED[np.maximum(said, 0)])
        # "A red person" may be said of anything that is mostly red, a red cloth or a copper statue.
        loose = near_kind | ((said == _SOLID)[None] & ~same_kind & ~wrong)
        is_false |= stated & shown & np.where(same_kind, wrong, ~loose)
        is_open |= stated & (~shown | np.where(same_kind, unsure, loose))
    for axis in range(len(AXES)):
        said, seen = said_builds[None, :, axis], seen_builds[:, axis, None]
        shown = visible_builds[:, axis, None] & (seen != 9)
        is_false |= (said != 0) & shown & (said != seen)
        is_open |= (said != 0) & ~shown
    wrong, unsure = _judge_characters(statements, facts)
    is_false |= wrong
    is_open |= unsure
    return ~is_false & ~is_open, is_open & ~is_false


def _judge_characters(statements: list[Statement], facts: list[Facts]) -> tuple[np.ndarray, np.ndarray]:
    """Which statements name a character that the picture does not show, and which may: (false, undecidable).

    Of a whole figure that is another character and not a near one, the name is false. Of a part of one, or of a
    figure without a name, it is false if some part in view, of which nothing else is said, is clothed otherwise.
    """
    shape = (len(facts), len(statements))
    is_false, is_open = np.zeros(shape, bool), np.zeros(shape, bool)
    named = np.array([s.character for s in statements])
    shown = np.array([f.character for f in facts])
    is_whole = np.array([f.seen.all() for f in facts])
    seen = np.stack([f.seen for f in facts])
    kinds, labs = np.stack([f.kinds for f in facts]), np.stack([f.colors for f in facts])
    for index in np.unique(named[named >= 0]):
        columns = np.flatnonzero(named == index)
        misfits = np.stack([~may_wear(index, slot, kinds[:, slot], labs[:, slot, 0]) for slot in range(len(SLOTS))], 1)
        is_near = (shown >= 0) & near_characters()[index][np.maximum(shown, 0)]
        other = is_whole & (shown >= 0) & ~is_near
        for column in columns:
            unsaid = statements[column].kinds < 0
            dressed_otherwise = (misfits & seen & unsaid[None]).any(1)
            is_false[:, column] = other | (~is_near & dressed_otherwise)
            is_open[:, column] = ~is_false[:, column] & ~((shown == index) & is_whole)
    return is_false, is_open
