"""The judge's captions are true of their looks, its own, and never the benchmark's."""

import numpy as np
import pytest

from clipmatrix.procedural.characters import characters
from clipmatrix.procedural.looks import Look, sample_look
from clipmatrix.procedural.statements import Statement, facts_of
from clipmatrix.procedural.tables import builds, colors, surfaces
from clipmatrix.procedural.truth import judge
from training.batches import near_miss
from training.benchmark import load_benchmark
from training.judge import grammar
from training.judge.grammar import describe
from training.judge.lexicon import Lexicon, benchmark_texts, find_colors, lexicon, plain_words
from training.judge.scenes import sample_judge_look
from training.scenes import FRAMES


@pytest.fixture(scope="module")
def told() -> list[tuple[Look, str, Statement]]:
    rng = np.random.default_rng(0)
    found = []
    for index in range(500):
        look, frame = sample_judge_look(rng), FRAMES[index % 4 if index % 3 == 0 else 0]
        found.append((look, frame, describe(rng, look, frame)))
    return found


def judged(told: list[tuple[Look, str, Statement]]) -> tuple[np.ndarray, np.ndarray]:
    """Whether each statement is true of its own picture, and whether that is open."""
    is_true, is_open = judge([s for _, _, s in told], [facts_of(look, frame) for look, frame, _ in told])
    return is_true.diagonal(), is_open.diagonal()


def test_no_caption_is_false_of_its_own_picture(told: list[tuple[Look, str, Statement]]) -> None:
    is_true, is_open = judged(told)
    assert not [told[i][2].text for i in np.flatnonzero(~is_true & ~is_open)]


def test_most_captions_are_decided_by_their_picture(told: list[tuple[Look, str, Statement]]) -> None:
    is_true, _ = judged([entry for entry in told if entry[1] == "whole"])
    assert is_true.mean() > 0.85


def test_a_third_of_the_captions_speaks_of_two_parts_that_differ(told: list[tuple[Look, str, Statement]]) -> None:
    def layers(statement: Statement) -> int:
        rows = np.concatenate([statement.kinds[:, None], np.nan_to_num(statement.colors.reshape(6, -1))], axis=1)
        return len({tuple(row) for row in rows[statement.kinds >= 0].round(3)})

    share = np.mean([layers(statement) > 1 for _, frame, statement in told if frame == "whole"])
    assert 0.3 < share < 0.45


def test_no_caption_is_a_prompt_of_the_benchmark(told: list[tuple[Look, str, Statement]]) -> None:
    assert len(benchmark_texts()) == sum(len(rows) for rows in vars(load_benchmark()).values())
    assert not [s.text for _, _, s in told if " ".join(plain_words(s.text)) in benchmark_texts()]


def test_a_prompt_of_the_benchmark_is_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    look = sample_look(np.random.default_rng(1))
    first = describe(np.random.default_rng(5), look).text
    monkeypatch.setattr(grammar, "benchmark_texts", lambda: frozenset((" ".join(plain_words(first)),)))
    assert describe(np.random.default_rng(5), look).text != first


def test_near_misses_are_mostly_false() -> None:
    rng = np.random.default_rng(3)
    looks = [sample_judge_look(rng) for _ in range(200)]
    misses = [describe(np.random.default_rng(i), near_miss(rng, look)) for i, look in enumerate(looks)]
    is_true, is_open = judged([(look, "whole", miss) for look, miss in zip(looks, misses, strict=True)])
    assert (~is_true & ~is_open).mean() > 0.55


def test_the_same_draws_give_the_same_sentence() -> None:
    look = sample_look(np.random.default_rng(8))
    texts = {describe(np.random.default_rng(2), look).text for _ in range(3)}
    assert len(texts) == 1


def test_synonyms_belong_to_rows_of_the_tables() -> None:
    words: Lexicon = lexicon()
    assert set(words.adjectives) | set(words.nouns) <= set(surfaces())
    assert set(words.characters) <= set(characters())
    assert set(words.builds) <= set(builds())


def test_the_longest_name_of_a_colour_is_found_at_its_place() -> None:
    text = "A dark olive green head, RED arms"
    found = [(text[start:end], colors().names[index]) for start, end, index in find_colors(text)]
    assert found == [("dark olive green", "dark olive green"), ("RED", "red")]
