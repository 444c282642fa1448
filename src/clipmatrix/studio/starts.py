"""Places to start from: recipes in a folder beside the runs, and sentences of our own; knows nothing of jobs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipmatrix.errors import ClipMatrixError
from clipmatrix.studio.settings import config_of_yaml

_LARGEST_RECIPE = 100_000
_MOST_RECIPES = 40


@dataclass(frozen=True)
class Start:
    """One card: a title and a line about it, and either a filled-in form or the text of a recipe."""

    title: str
    note: str
    form: dict[str, Any] | None = None
    recipe: str | None = None


_OWN = (
    Start("Zebra man", "one sentence, a strong pattern", {"prompt": "a zebra striped man"}),
    Start(
        "Two colours",
        "a region by name in the sentence",
        {"prompt": "a red person with a blue head", "quality": "draft"},
    ),
    Start("Mossy giant", "material and build", {"prompt": "a mossy stone giant"}),
    Start("Golden statue", "metal", {"prompt": "a golden statue"}),
    Start(
        "Green monster",
        "one prompt for the body, one for the head",
        {"prompt": "a scaly green monster", "regions": [{"region": "head", "text": "a red head"}]},
    ),
    Start(
        "Harlequin",
        "three regions, three looks",
        {
            "prompt": "a clown in a checkered suit",
            "regions": [
                {"region": "legs", "text": "yellow and purple striped trousers"},
                {"region": "head", "text": "a white face"},
            ],
        },
    ),
    Start("Lava", "the same sentence, four seeds", {"prompt": "a muscular man made of lava", "variations": 4}),
    Start("Ice", "quick: a draft in a minute or two", {"prompt": "an ice blue elf", "quality": "draft"}),
)


def starts(folders: list[Path]) -> list[Start]:
    """The recipes in the first of the folders that has any, by name, then our own sentences."""
    for folder in folders:
        found = _recipes(folder)
        if found:
            return [*found, *_OWN]
    return list(_OWN)


def start_record(start: Start) -> dict[str, Any]:
    """The card as JSON-able values."""
    return {"title": start.title, "note": start.note, "form": start.form, "recipe": start.recipe}


def _recipes(folder: Path) -> list[Start]:
    found = []
    for path in sorted(folder.glob("*.y*ml"))[:_MOST_RECIPES]:
        try:
            if path.stat().st_size > _LARGEST_RECIPE:
                continue
            text = path.read_text(encoding="utf-8")
            config = config_of_yaml(text)
        except (OSError, UnicodeDecodeError, ClipMatrixError):
            continue
        title = path.stem.replace("_", " ").replace("-", " ").capitalize()
        found.append(Start(title, "; ".join(prompt.text for prompt in config.prompts[:3] if prompt.text), recipe=text))
    return found
