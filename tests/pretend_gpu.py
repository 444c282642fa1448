"""A second device that is none: tensors of the CPU that say they lie on a GPU, and refuse to mix with others.

It lets a machine without a GPU find what would fail on one: tensors of two devices in one operation, arrays made of a
tensor that is not the CPU's, and code that only the CPU has. Numbers are those of the plain torch code.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
_TAG = "_pretended"
_DEVICE, _IS_CUDA = Tensor.device.__get__, Tensor.is_cuda.__get__  # pyright: ignore[reportFunctionMemberAccess]
_FACTORIES = {
    getattr(torch, name)
    for name in (
        "arange", "empty", "eye", "full", "linspace", "ones", "rand", "randint", "randn", "randperm", "tensor",
        "zeros", "as_tensor", "asarray", "from_numpy", "frombuffer", "normal",
    )
}  # fmt: skip
_LIKE = ("new_zeros", "new_ones", "new_full", "new_empty", "new_tensor")
_MIXING = (Tensor.__getitem__, Tensor.__setitem__, Tensor.copy_, torch._has_compatible_shallow_copy_type)
"""Functions that take tensors of two devices."""
_REAL_GENERATOR = torch.Generator
_REAL_PARAMETER = torch.nn.Parameter.__new__


class PretendedGenerator(torch.Generator):
    """A generator of the CPU that says it is the GPU's."""

    @property
    def device(self) -> torch.device:  # pyright: ignore[reportIncompatibleVariableOverride]
        return GPU


def _generator(device: Any = "cpu") -> torch.Generator:
    return PretendedGenerator() if torch.device(device).type == "cuda" else _REAL_GENERATOR()


def place_of(tensor: Tensor) -> str | None:
    """Where a tensor is said to lie: cpu, cuda, or None where nobody has said so."""
    found = tensor.__dict__.get(_TAG) if hasattr(tensor, "__dict__") else None
    return found


def _tag(value: Any, place: str) -> Any:
    if isinstance(value, Tensor):
        value.__dict__[_TAG] = place
    elif isinstance(value, tuple | list):
        for part in value:
            _tag(part, place)
    return value


def _tensors(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, tuple | list):
        for value in values:
            yield from _tensors(value)
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))


def _detached(value: Tensor) -> Tensor:
    """The same values as an object of its own: two places need two."""
    return value.view_as(value) if value.requires_grad else value.clone()


class PretendedGpu(TorchFunctionMode):
    """While it is entered, ``cuda`` is a device of its own."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func == _DEVICE:
            return GPU if place_of(args[0]) == "cuda" else CPU
        if func == _IS_CUDA:
            return place_of(args[0]) == "cuda"
        if func in (Tensor.cpu, Tensor.cuda):
            return self._to(args[0], "cpu" if func is Tensor.cpu else "cuda", (), {})
        if func is Tensor.to:
            return self._move(args, kwargs)
        if func in (Tensor.numpy, Tensor.__array__) and place_of(args[0]) == "cuda":
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        wanted = kwargs.pop("device", None)
        if func in _FACTORIES:
            return self._make(func, args, kwargs, wanted)
        named = getattr(func, "__name__", "")
        if wanted is not None and not (named.endswith("_like") or named in _LIKE):
            raise AssertionError(f"{func} was given a device: teach the pretended GPU what that means")
        inputs = [*_tensors(args), *_tensors(kwargs)]
        places = {place for tensor in inputs if tensor.dim() and (place := place_of(tensor))}
        if len(places) > 1 and func not in _MIXING:
            raise RuntimeError(
                f"Expected all tensors to be on the same device, but {func} was given "
                + ", ".join(f"{tuple(t.shape)} on {place_of(t)}" for t in inputs)
            )
        result = func(*args, **kwargs)
        if wanted is not None:
            return _tag(result, torch.device(wanted).type)
        if func in (Tensor.copy_, Tensor.__setitem__, Tensor.__getitem__) and inputs:
            # The result lies where what was indexed or written to does.
            place = place_of(inputs[0])
            return _tag(result, place) if place else result
        everywhere = places or {place for tensor in inputs if (place := place_of(tensor))}
        if everywhere and not isinstance(result, bool | int | float):
            _tag_new(result, inputs, "cuda" if "cuda" in everywhere else "cpu")
        return result

    def _make(self, func: Callable[..., Any], args: Any, kwargs: Any, wanted: Any) -> Any:
        generator = kwargs.get("generator")
        given = next(iter(_tensors(args)), None)
        place = torch.device(wanted).type if wanted is not None else "cpu"
        if func is torch.as_tensor and given is not None and wanted is None:
            place = place_of(given) or "cpu"
        if generator is not None and generator.device.type != place:
            raise RuntimeError(f"Expected a '{place}' device type for generator but found '{generator.device.type}'")
        result = func(*args, **kwargs)
        return _tag(_detached(result) if result is given else result, place)

    def _move(self, args: tuple[Any, ...], kwargs: Any) -> Any:
        tensor, rest = args[0], list(args[1:])
        place = place_of(tensor)
        for index, value in enumerate(rest):
            if isinstance(value, torch.device) or (isinstance(value, str) and value):
                place = torch.device(value).type
                rest[index] = CPU
            elif isinstance(value, Tensor):
                place = place_of(value) or place
        if "device" in kwargs:
            place = torch.device(kwargs.pop("device")).type
        return self._to(tensor, place, tuple(rest), kwargs)

    def _to(self, tensor: Tensor, place: str | None, rest: tuple[Any, ...], kwargs: Any) -> Tensor:
        result = tensor.to(*rest, **kwargs) if rest or kwargs else tensor
        if place is None:
            return result
        if result is tensor and (place_of(tensor) or "cpu") != place:
            result = _detached(tensor)
        return _tag(result, place)


def _tag_new(result: Any, inputs: list[Tensor], place: str) -> None:
    for tensor in _tensors(result if isinstance(result, tuple | list) else [result]):
        if not any(tensor is one for one in inputs):
            _tag(tensor, place)


def _parameter(cls: Any, data: Tensor | None = None, requires_grad: bool = True) -> Any:
    made = _REAL_PARAMETER(cls, data, requires_grad)
    if data is not None and (place := place_of(data)):
        _tag(made, place)
    return made


@contextmanager
def pretended_gpu() -> Iterator[torch.device]:
    """A device for as long as the block lasts."""
    torch.Generator = _generator  # pyright: ignore[reportAttributeAccessIssue]
    torch.nn.Parameter.__new__ = _parameter  # pyright: ignore[reportAttributeAccessIssue]
    overwrites = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with PretendedGpu():
            yield GPU
    finally:
        torch.Generator = _REAL_GENERATOR
        torch.nn.Parameter.__new__ = _REAL_PARAMETER
        torch.__future__.set_overwrite_module_params_on_conversion(overwrites)
