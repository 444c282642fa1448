"""What the studio can do, as functions of plain values that a page or a program calls; knows nothing of the web."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import clipmatrix
from clipmatrix.config import QUALITIES, RunConfig, load_config, preset, with_paths
from clipmatrix.errors import ClipMatrixError, ConfigError, RunError
from clipmatrix.guidance.prompts import REGIONS
from clipmatrix.runs.directory import Run
from clipmatrix.studio.foreman import Foreman
from clipmatrix.studio.jobs import ACTIVE, MOST_WAITING, Job
from clipmatrix.studio.progress import Readers
from clipmatrix.studio.settings import (
    MOST_VARIATIONS,
    Mistake,
    config_of_form,
    config_of_yaml,
    continued,
    mistake_of_yaml,
    title_of,
    varied,
    yaml_of,
)
from clipmatrix.studio.shelf import Shelf
from clipmatrix.studio.starts import Start, start_record, starts
from clipmatrix.studio.uploads import LARGEST_UPLOAD, Uploads, pictures_of

RECIPE_FOLDER = "recipes"


class Studio:
    """One folder of runs with its queue.

    Raises:
        RunError: another studio has the folder, or it cannot be written to.
    """

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self.foreman = Foreman(runs)
        self.shelf = Shelf(runs)
        self.uploads = Uploads(runs)
        self.readers = Readers()

    def options(self) -> dict[str, Any]:
        """What a form may offer."""
        return {
            "version": clipmatrix.__version__,
            "runs": str(self.runs),
            "qualities": [{"name": name, "steps": preset(name).steps} for name in QUALITIES],
            "regions": list(REGIONS),
            "encoders": ["mini", "openai/clip-vit-base-patch32", "google/siglip-base-patch16-224"],
            "mostVariations": MOST_VARIATIONS,
            "mostWaiting": MOST_WAITING,
            "largestUpload": LARGEST_UPLOAD,
            "starts": [start_record(start, index) for index, start in enumerate(self.starts())],
        }

    def starts(self) -> list[Start]:
        """Places to start from: the recipes among the runs, in the working folder or in the repository, and our own."""
        return starts(self._recipe_folders())

    def _recipe_folders(self) -> list[Path]:
        beside = Path(clipmatrix.__file__).parents[2]
        return [folder / RECIPE_FOLDER for folder in (self.runs, Path(), beside)]

    def _settings(self, recipe: str) -> RunConfig:
        """The settings of a recipe; a picture in it is one of those beside the recipes that are offered.

        Raises:
            ClipMatrixError: it is none, or reads what it must not.
        """
        config = config_of_yaml(recipe)
        folders = [folder for folder in self._recipe_folders() if folder.is_dir()]
        placed = next((placed for folder in folders if _has_pictures(placed := with_paths(config, folder))), config)
        self.uploads.check_reach(placed, folders)
        return placed

    def start_picture(self, index: int) -> Path:
        """The picture of one of them.

        Raises:
            RunError: it has none.
        """
        found = self.starts()
        picture = found[index].picture if 0 <= index < len(found) else None
        if picture is None:
            raise RunError("there is no such picture")
        return picture

    def state(self) -> dict[str, Any]:
        """The queue, and how far the job at work is."""
        return {"jobs": [self._job_record(job) for job in self.foreman.jobs()]}

    def submit(self, form: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The new jobs for a filled-in form, or for a recipe under ``recipe``, in ``variations`` seeds.

        Raises:
            ClipMatrixError: something in it cannot be used, or the queue is full.
        """
        recipe = form.get("recipe")
        if recipe not in (None, "") and not isinstance(recipe, str):
            raise ConfigError("recipe must be text")
        config = self._settings(recipe) if recipe else config_of_form(form)
        num = form.get("variations", 1)
        return self._add(varied(config, num if isinstance(num, int) else -1))

    def go_on_from(self, name: str, form: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The new job that sets out from where a run ended.

        Raises:
            ClipMatrixError: the run or the form cannot be used, or the queue is full.
        """
        return self._add([continued(self.shelf.library.open(name).path, form)])

    def vary(self, name: str, num: int) -> list[dict[str, Any]]:
        """New jobs like a run, with other seeds.

        Raises:
            ClipMatrixError: the run cannot be used, or the queue is full.
        """
        config = load_config(self.shelf.library.open(name).config_path)
        taken = [summary.seed for summary in self.shelf.library.summaries() if summary.title == title_of(config)]
        return self._add(varied(replace(config, seed=max([config.seed, *taken]) + 1), num))

    def resume(self, name: str) -> dict[str, Any]:
        """The job that goes on with a run that was stopped or cut off.

        Raises:
            ClipMatrixError: there is nothing to go on with.
        """
        run = self.shelf.library.open(name)
        if not run.state_path.is_file():
            raise ConfigError(f"{name} has kept no state to go on from: go on from its result, or repeat it")
        config = load_config(run.config_path)
        return self._job_record(self.foreman.resume(name, title_of(config), config.seed))

    def check(self, text: str) -> Mistake | None:
        """What is wrong with a recipe."""
        mistake = mistake_of_yaml(text)
        if mistake is not None:
            return mistake
        try:
            self._settings(text)
        except ClipMatrixError as error:
            return Mistake(None, str(error))
        return None

    def curve(self, name: str, after: int) -> dict[str, Any]:
        """The scores of a run's steps behind the first ``after``.

        Raises:
            RunError: there is no such run.
        """
        num, scores = self.readers.scores(Run(self.shelf.library.open(name).path), after)
        return {"num": num, "scores": [None if score is None else round(score, 5) for score in scores]}

    def _add(self, configs: list[RunConfig]) -> list[dict[str, Any]]:
        for config in configs:
            self.uploads.check_reach(config, self._recipe_folders())
        items = [(title_of(config), config.seed, yaml_of(config)) for config in configs]
        return [self._job_record(job) for job in self.foreman.add(items)]

    def _job_record(self, job: Job) -> dict[str, Any]:
        record: dict[str, Any] = {
            "number": job.number,
            "name": job.name,
            "title": job.title,
            "seed": job.seed,
            "state": job.state,
            "message": job.message,
        }
        run = Run(self.runs / job.name)
        if job.state in ACTIVE:
            record["progress"] = self.readers.progress(run).record()
            try:
                record["picture"] = run.live_path.stat().st_mtime_ns
            except OSError:
                record["picture"] = None
        record["hasRun"] = run.events_path.is_file()
        return record


def _has_pictures(config: RunConfig) -> bool:
    """Whether all pictures that the settings name are there."""
    return all(path.is_file() for path in pictures_of(config))
