"""Finds the folder of a checkpoint: given, downloaded before, or downloaded now; knows nothing of what is in it."""

import json
import re
from pathlib import Path

from clipmatrix.errors import ModelError

ADVICE = "give the folder of a downloaded checkpoint (--clip FOLDER) or use the built-in encoder (--clip mini)"

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_FILES = ("*.json", "*.txt", "model*.safetensors")
_CONNECT_SECONDS = 5.0
_CONVERTED_TITLE = "Adding `safetensors` variant of this model"
_CONVERTED_AUTHOR = "SFconvertbot"


def find_checkpoint(name_or_folder: str) -> Path:
    """The local folder of a checkpoint.

    A folder is taken as it is. A hub name is looked up among the downloads first, without any request, and is
    downloaded once otherwise: configuration, tokenizer and safetensors only. Without network it fails within
    seconds.

    Raises: ModelError when there is no such folder or model, or no network to get it.
    """
    folder = Path(name_or_folder).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise ModelError(f"wanted the folder of a CLIP or SigLIP checkpoint, found the file {name_or_folder}; {ADVICE}")
    if _HUB_NAME.fullmatch(name_or_folder) is None:
        raise ModelError(f"no folder {name_or_folder!r}, and it is no name on the model hub either; {ADVICE}")
    found = _downloaded_before(name_or_folder)
    if found is not None:
        return found
    _require_network(name_or_folder)
    return _download(name_or_folder)


def find_local(name_or_folder: str) -> Path | None:
    """The folder of a checkpoint that is on this machine already, or None; asks no network."""
    folder = Path(name_or_folder).expanduser()
    if folder.is_dir():
        return folder
    return _downloaded_before(name_or_folder) if _HUB_NAME.fullmatch(name_or_folder) else None


def downloaded_encoders() -> tuple[str, ...]:
    """The hub names of the CLIP and SigLIP checkpoints that were downloaded before, sorted; asks no network."""
    from huggingface_hub import constants

    names = set()
    for config in Path(constants.HF_HUB_CACHE).glob("models--*/snapshots/*/config.json"):
        try:
            kind = json.loads(config.read_text(encoding="utf-8")).get("model_type")
        except (OSError, ValueError, AttributeError, RecursionError):
            continue
        if kind in ("clip", "siglip", "siglip2") and has_weights(config.parent):
            names.add(config.parents[2].name.removeprefix("models--").replace("--", "/"))
    return tuple(sorted(names))


def has_weights(folder: Path) -> bool:
    """Whether the folder holds safetensors under the names that transformers looks for."""
    return any((folder / name).is_file() for name in ("model.safetensors", "model.safetensors.index.json"))


def _downloaded_before(name: str) -> Path | None:
    """The newest complete download in the hub's cache, or None."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    snapshots = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type="model") / "snapshots"
    complete = [path for path in snapshots.glob("*") if (path / "config.json").is_file() and has_weights(path)]
    return max(complete, key=lambda path: path.stat().st_mtime, default=None)


def _require_network(name: str) -> None:
    """Ask the hub once, with a short limit: the download itself would retry for half a minute.

    Raises: ModelError when there is no answer.
    """
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        raise ModelError(f"{name} was never downloaded, and HF_HUB_OFFLINE forbids it; {ADVICE}")
    try:
        get_session().head(constants.ENDPOINT, timeout=_CONNECT_SECONDS)
    except Exception as error:
        # The session's errors are those of its HTTP library, which is not ours to name; no network ends here.
        raise ModelError(
            f"{name} was never downloaded, and {constants.ENDPOINT} cannot be reached; {ADVICE}"
        ) from error


def _download(name: str) -> Path:
    """The folder of a fresh download."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        folder = Path(snapshot_download(name, allow_patterns=list(_FILES)))
        if has_weights(folder):
            return folder
        revision = _converted_revision(name)
        if revision is not None:
            return Path(snapshot_download(name, allow_patterns=list(_FILES), revision=revision))
    except GatedRepoError as error:
        raise ModelError(f"{name} asks for its licence to be accepted on the model hub first; {ADVICE}") from error
    except RepositoryNotFoundError as error:
        raise ModelError(f"no model {name!r} on the hub; check the spelling, or {ADVICE}") from error
    except Exception as error:
        # Whatever breaks a download (network, disk, hub) is told in the hub's own words, on one line.
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"could not download {name}: {reason}; {ADVICE}") from error
    return folder


def _converted_revision(name: str) -> str | None:
    """The hub's own safetensors conversion of an older model that has pickled weights only, or None.

    Only a proposal of the hub's conversion bot counts: anybody can propose files to a model.
    """
    from huggingface_hub import HfApi

    for discussion in HfApi().get_repo_discussions(name):
        is_bots = discussion.is_pull_request and discussion.author == _CONVERTED_AUTHOR
        if is_bots and discussion.title == _CONVERTED_TITLE:
            return discussion.git_reference or f"refs/pr/{discussion.num}"
    return None
