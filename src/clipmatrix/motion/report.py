"""What became of a foreign movement on its way to a body: numbers and names for the user; knows no arithmetic."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RetargetReport:
    """How well a movement fitted.

    ``mapped`` pairs the file's joints with the body's. ``lost`` are the file's joints that move and that nothing
    follows; ``still`` those that the body has too but that never move, so that the body's own rest shape stays;
    ``missing`` the body's parts that the file says nothing of, which follow their parents. ``reference`` is the
    pose by which the two skeletons were laid over each other. ``scale`` is metres of the body per unit of the file.
    ``sliding_cm`` is how far a foot slides in one contact, before and after feet were held. ``num_cut`` frames of the
    file's beginning, which lead from a calibration pose, were left out.
    """

    mapped: tuple[tuple[str, str], ...]
    lost: tuple[str, ...]
    still: tuple[str, ...]
    missing: tuple[str, ...]
    reference: str
    up: str
    scale: float
    frames: int
    seconds: float
    sliding_cm: tuple[float, float]
    num_cut: int = 0

    def lines(self) -> list[str]:
        """The report as short lines of text."""
        cut = f", the first {self.num_cut} of the file left out (a calibration pose)" if self.num_cut else ""
        before, after = self.sliding_cm
        lines = [
            f"movement       {self.frames} frames, {self.seconds:.2f} s{cut}",
            f"joints         {len(self.mapped)} carried over, laid over each other in the {self.reference}",
            f"size           1 unit of the file is {self.scale:.4g} m here (legs matched), {self.up} is up in it",
            f"feet           slide {after:.1f} cm a contact, {before:.1f} cm before they were held",
        ]
        for title, names in (
            ("not in the body", self.lost),
            ("never moving", self.still),
            ("not in the file", self.missing),
        ):
            if names:
                lines.append(f"{title:<14} {_listed(names)}")
        return lines


def _listed(names: tuple[str, ...], shown: int = 12) -> str:
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {rest} more" if rest > 0 else "")
