"""This process made fit for long tensor work: memory, noise and the interrupt key; knows no command."""

import ctypes
import logging
import os
import signal
import sys
import warnings
from types import FrameType

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_LARGEST_INT = 2**31 - 1


def keep_freed_memory() -> None:
    """Makes glibc keep what is freed instead of giving it back to the system.

    Each step frees and asks again for tensors of many megabytes, and zeroing fresh pages takes longer than the
    arithmetic: a 1024x1024 texture's forward and backward 37 ms instead of 73. Does nothing where there is no glibc.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, _LARGEST_INT)


def silence_libraries() -> None:
    """Keeps banners, progress bars and warnings of other packages off the terminal; must run before their import."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)


def wait_without_spinning() -> None:
    """Makes torch's idle threads sleep; must run before torch's import.

    By default they spin at each of a step's hundreds of meeting points. On two cores that other programs use as well
    a step then took 1.1 s and six times the processor time, against 0.25 s with sleeping threads.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class Interrupts:
    """Ctrl-C as a wish to stop: noted the first time, KeyboardInterrupt the second.

    A step that is under way is finished first, so that nothing is left half done. Use as a context.
    """

    def __init__(self) -> None:
        self.is_wanted = False

    def __enter__(self) -> "Interrupts":
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.is_wanted:
            raise KeyboardInterrupt
        self.is_wanted = True
