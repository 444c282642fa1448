"""One setting changed by its dotted name, with the checks that a file's value gets; knows none of the settings."""

import re
from typing import Any, TypeVar

import yaml

from clipmatrix.config.yaml_mapping import load_yaml
from clipmatrix.errors import ClipMatrixError, ConfigError

_T = TypeVar("_T")
_NAME = "override"


def override(config: _T, key: str, value: Any) -> _T:
    """``config`` with the setting called ``key``, such as ``scene.texture_size``, at ``value``, as a file would say it.

    Raises:
        ConfigError: there is no such setting, or it takes no such value.
    """
    nested: Any = value
    for part in reversed(key.split(".")):
        nested = {part: nested}
    text = yaml.safe_dump(nested, allow_unicode=True)
    try:
        return load_yaml(text, _NAME, config)
    except ClipMatrixError as error:
        # The place in the text that was made here tells nobody anything.
        message = re.sub(rf"^{_NAME}:\d+: ", "", str(error))
        raise ConfigError(message.replace(" in the file:", ":")) from error
