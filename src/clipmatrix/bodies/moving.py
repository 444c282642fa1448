"""Bodies on another device: the same dataclasses with their tensors moved; knows no particular body."""

import dataclasses
from typing import Any, TypeVar

import torch
from torch import Tensor

_T = TypeVar("_T")


def moved(value: _T, device: torch.device) -> _T:
    """The value with every tensor in it on the device; itself where none has to move.

    Looks into dataclasses, tuples, lists and mappings. What was one tensor stays one, however often it is held.
    """
    return _moved(value, device, {})


def _moved(value: Any, device: torch.device, done: dict[int, tuple[Any, Any]]) -> Any:
    if id(value) in done:
        return done[id(value)][1]
    found = value
    if isinstance(value, Tensor):
        found = value.to(device)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
        changed = _changed(fields, device, done)
        found = dataclasses.replace(value, **changed) if changed else value
    elif isinstance(value, dict):
        changed = _changed(value, device, done)
        found = {**value, **changed} if changed else value
    elif isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        parts = [_moved(part, device, done) for part in value]
        if any(new is not old for new, old in zip(parts, value, strict=True)):
            found = type(value)(parts)
    # The original is kept too: its number must not be another's as long as this goes on.
    done[id(value)] = value, found
    return found


def _changed(parts: dict[Any, Any], device: torch.device, done: dict[int, tuple[Any, Any]]) -> dict[Any, Any]:
    new = {key: _moved(part, device, done) for key, part in parts.items()}
    return {key: part for key, part in new.items() if part is not parts[key]}
