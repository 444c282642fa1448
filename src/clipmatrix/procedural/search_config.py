"""How long and how widely to search for a start; knows nothing of how the search works."""

from dataclasses import dataclass

from clipmatrix.errors import ConfigError


@dataclass(frozen=True)
class SearchConfig:
    """The sizes of the search before descent.

    ``num_sentences`` looks are drawn and ranked by their captions alone, for ``num_sentence_rounds`` rounds;
    ``num_candidates`` of them are rendered and ranked by the pictures, then varied for ``num_rounds`` rounds of
    ``num_variations``. ``simplicity`` is what each change that the text may not have asked for costs, in nats;
    ``wording`` is what a look's own description counts beside its pictures.
    """

    num_sentences: int = 4096
    num_sentence_rounds: int = 3
    num_candidates: int = 192
    num_rounds: int = 5
    num_variations: int = 64
    num_parents: int = 16
    simplicity: float = 0.12
    wording: float = 1.0

    def __post_init__(self) -> None:
        for name in ("num_sentences", "num_candidates", "num_variations", "num_parents"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("num_sentence_rounds", "num_rounds"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must be at least 0, not {getattr(self, name)}")
        if not 0.0 <= self.wording <= 10.0:
            raise ConfigError(f"wording must be from 0 to 10, not {self.wording:g}: use 1")
        if not 0.0 <= self.simplicity <= 10.0:
            raise ConfigError(f"simplicity must be from 0 to 10, not {self.simplicity:g}: use 0.12")
