"""Places to start from: recipes in a folder beside the runs, and sentences of our own; knows nothing of jobs."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from clipmatrix.errors import ClipMatrixError
from clipmatrix.runs.directory import slug
from clipmatrix.studio.settings import config_of_yaml

_PICTURES = Path(__file__).parent / "page" / "starts"
_LARGEST_RECIPE = 100_000
_MOST_RECIPES = 40


@dataclass(frozen=True)
class Start:
    """One card: a title and a line about it, either a filled-in form or the text of a recipe, and a picture of it."""

    title: str
    note: str
    form: dict[str, Any] | None = None
    recipe: str | None = None
    picture: Path | None = None


_OWN = (
    Start("Zebra man", "one sentence, a strong pattern", {"prompt": "a zebra striped man"}),
    Start("Mossy giant", "a material", {"prompt": "a mossy stone giant"}),
    Start("Golden statue", "metal", {"prompt": "a golden statue"}),
    Start("Two colours", "parts named in the sentence", {"prompt": "a red person with a blue head"}),
    Start("Leopard woman", "a pattern and a build", {"prompt": "a leopard spotted woman"}),
    Start("Ice elf", "four seeds of the same words", {"prompt": "an ice blue elf", "variations": 4}),
    Start(
        "Clown",
        "a suit, and a face of its own",
        {"prompt": "a clown in a checkered suit", "regions": [{"region": "head", "text": "a white face"}]},
    ),
    Start(
        "Green monster",
        "one prompt for the body, one for the head",
        {"prompt": "a scaly green monster", "regions": [{"region": "head", "text": "a red head"}]},
    ),
)


def starts(folders: Sequence[Path]) -> list[Start]:
    """The recipes in the first of the folders that has any, by name, then our own sentences.

    A recipe's picture is the JPEG or PNG of the same name beside it.
    """
    own = [replace(start, picture=_picture(_PICTURES / slug(start.title))) for start in _OWN]
    return [*next(filter(None, map(_recipes, folders)), []), *own]


def start_record(start: Start, index: int) -> dict[str, Any]:
    """The card as JSON-able values; ``index`` is by which its picture can be asked for."""
    picture = f"/api/starts/{index}" if start.picture else None
    return {"title": start.title, "note": start.note, "form": start.form, "recipe": start.recipe, "picture": picture}


def _picture(stem: Path) -> Path | None:
    candidates = (stem.with_name(stem.name + suffix) for suffix in (".jpg", ".png"))
    return next((path for path in candidates if path.is_file()), None)


def _recipes(folder: Path) -> list[Start]:
    found = []
    for path in sorted(folder.glob("*.y*ml"))[:_MOST_RECIPES]:
        with suppress(OSError):
            stat = path.stat()
            start = _recipe(path, stat.st_mtime_ns) if stat.st_size <= _LARGEST_RECIPE else None
            if start is not None:
                found.append(replace(start, picture=_picture(path.with_suffix(""))))
    return found


@lru_cache(maxsize=256)
def _recipe(path: Path, _changed_ns: int) -> Start | None:
    """The card of a recipe, or None where it is none; checking one takes a tenth of a second."""
    try:
        text = path.read_text(encoding="utf-8")
        config = config_of_yaml(text)
    except (OSError, UnicodeDecodeError, ClipMatrixError):
        return None
    title = path.stem.replace("_", " ").replace("-", " ").capitalize()
    return Start(title, "; ".join(prompt.label for prompt in config.prompts[:3]), recipe=text)
