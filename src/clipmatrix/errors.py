"""The errors that ClipMatrix raises on purpose; knows nothing else.

ClipMatrixError            everything below; its text is one line: wanted, found, what to do
├── ConfigError            a setting, key or value that makes no sense
├── PromptError            a text that cannot be used
├── ModelError             an encoder that is missing, broken or of another kind
├── BodyError              a body, rig or mesh that cannot be used
├── MotionError            a motion file that cannot be read, or fits no humanoid
├── RunError               a run directory that cannot be written, read or continued
└── ExportError            a file that could not be made
"""


class ClipMatrixError(Exception):
    """A mistake that the user can mend; the command line prints it as one line and exits with code 2."""


def shown(text: str, most: int = 60) -> str:
    """A stranger's text on one line of at most that many characters, without those that steer terminals."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text[: 4 * most]).split())[:most]


def short_reason(error: BaseException) -> str:
    """What an error of a library says, on one line of at most 120 characters; its kind where it says nothing."""
    return shown(str(error), 120) or type(error).__name__


class ConfigError(ClipMatrixError):
    """A setting, key or value that makes no sense."""


class PromptError(ClipMatrixError):
    """A text that cannot be used as a prompt."""


class ModelError(ClipMatrixError):
    """An encoder that is missing, broken or of another kind than asked for."""


class BodyError(ClipMatrixError):
    """A body, rig or mesh that cannot be used."""


class MotionError(ClipMatrixError):
    """A motion file that cannot be read, or whose figure is no humanoid."""


class RunError(ClipMatrixError):
    """A run directory that cannot be written, read or continued."""


class ExportError(ClipMatrixError):
    """A result file that could not be made."""
