"""The benchmark's file says what can be measured, and its tables count what was met."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from clipmatrix.guidance.mini.words import find_words
from clipmatrix.guidance.prompts import REGIONS
from clipmatrix.procedural import wording
from clipmatrix.procedural.characters import characters
from clipmatrix.procedural.tables import builds, colors, surfaces
from training.benchmark import BANDS, BENCHMARK, Benchmark, load_benchmark, read_words, select_rows
from training.evaluate import run_name, write_table
from training.measure import Measured, verdicts

_KEYS = {"band", "core", "text", "colors", "bands", "contrast", "volume", "height"}
_LEAST_CHROMA = 0.05
_HUE_APART_DEG = 75.0


@pytest.fixture(scope="module")
def benchmark() -> Benchmark:
    return load_benchmark()


@pytest.fixture(scope="module")
def held_out() -> set[str]:
    return read_words(BENCHMARK.parent / "held_out.txt")


def words_of(text: str) -> set[str]:
    return {word for word, _, _ in find_words(text)}


def hue_deg(name: str) -> float:
    _, a, b = colors().oklab[colors().ids[name]]
    return float(np.degrees(np.arctan2(b, a)))


def chroma(name: str) -> float:
    return float(np.hypot(*colors().oklab[colors().ids[name]][1:]))


def table_texts() -> Iterator[str]:
    """Everything that captions are put together from."""
    for surface in surfaces().values():
        yield from (*surface.words, *surface.nouns, *surface.beings)
    for build in builds().values():
        yield from (*build.words, *build.phrases)
    for character in characters().values():
        yield from character.words
    yield from (name for name, is_written in zip(colors().names, colors().is_written, strict=True) if is_written)
    for name, value in vars(wording).items():
        if name.isupper():
            for item in value:
                yield from (item,) if isinstance(item, str) else item


def test_each_band_is_large_enough_and_the_first_prompts_are_kept(benchmark: Benchmark) -> None:
    assert {row["band"] for row in benchmark.prompts} == set(BANDS)
    assert all(len(select_rows(benchmark.prompts, band, False, None)) >= 26 for band in BANDS)
    assert len(benchmark.prompts) >= 104
    assert len(select_rows(benchmark.prompts, None, True, None)) == 24
    assert (len(benchmark.binding), len(benchmark.hues)) == (40, 40)


def test_no_text_comes_twice_and_each_can_be_a_files_name(benchmark: Benchmark) -> None:
    texts = [row["text"] for rows in (benchmark.prompts, benchmark.binding, benchmark.hues) for row in rows]
    assert len({text.lower() for text in texts}) == len(texts)
    assert not [text for text in texts if set(text) & set('/\\:*?"<>|') or len(text) > 120 or text != text.strip()]


def test_expectations_name_what_there_is(benchmark: Benchmark) -> None:
    for row in benchmark.prompts:
        assert set(row) <= _KEYS, row
        assert set(row.get("colors", {})) <= set(REGIONS), row
        assert set(row.get("colors", {}).values()) <= set(colors().names), row
        assert all(0 < row.get(key, 0.5) < 1 for key in ("bands", "contrast")), row
        assert all(0 < low < high for low, high in (row.get(key, (1, 2)) for key in ("volume", "height"))), row


def test_only_synonyms_hold_a_held_out_word(benchmark: Benchmark, held_out: set[str]) -> None:
    for row in benchmark.prompts + benchmark.binding + benchmark.hues:
        assert bool(words_of(row["text"]) & held_out) == (row.get("band") == "synonyms"), row["text"]


def test_no_caption_word_is_held_out(held_out: set[str]) -> None:
    assert not [text for text in table_texts() if words_of(text) & held_out]


def test_binding_pairs_differ_clearly_in_place_and_hue(benchmark: Benchmark) -> None:
    for row in benchmark.binding:
        assert set(row) == {"text", "first", "second"}
        (place, other_place), (name, other) = zip(
            *((row[key]["region"], row[key]["color"]) for key in ("first", "second")), strict=True
        )
        assert {place, other_place} in ({"head", "torso"}, {"torso", "legs"}, {"arms", "torso"}), row["text"]
        assert all(color in row["text"] for color in (name, other)), row["text"]
        gap = abs((hue_deg(name) - hue_deg(other) + 180) % 360 - 180)
        assert gap >= _HUE_APART_DEG, row["text"]
        assert min(chroma(name), chroma(other)) >= _LEAST_CHROMA, row["text"]


def test_hues_are_colours_with_a_hue_in_four_shades(benchmark: Benchmark) -> None:
    for row in benchmark.hues:
        assert set(row) == {"text", "color"}
        assert row["color"] in row["text"]
        assert chroma(row["color"]) >= _LEAST_CHROMA, row["text"]
    shades = [row["color"].split()[0] for row in benchmark.hues]
    assert [shades.count(shade) for shade in ("bright", "dark")] == [10, 10]
    assert shades.count("pale") + shades.count("pastel") == 10


def test_a_file_that_is_one_list_has_prompts_only(tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text("- {text: a red person, colors: {whole: red}}\n")
    assert load_benchmark(path) == Benchmark([{"text": "a red person", "colors": {"whole": "red"}}], [], [])


def test_rows_are_selected_by_band_mark_and_part() -> None:
    rows = [{"text": "a red man", "band": "captioned", "core": True}, {"text": "an oak man", "band": "synonyms"}]
    assert select_rows(rows, None, False, None) == rows
    assert select_rows(rows, "synonyms", False, None) == rows[1:]
    assert select_rows(rows, None, True, "man") == rows[:1]
    assert select_rows(rows, "synonyms", True, None) == []


def measured(**names: str) -> Measured:
    return Measured({region: colors().rgb[colors().ids[name]] for region, name in names.items()}, 0.2, 0.3, 1.0, 1.0)


def test_two_regions_are_each_asked_for_their_own_colour() -> None:
    row = {"first": {"region": "head", "color": "red"}, "second": {"region": "torso", "color": "green"}}
    assert list(verdicts(measured(head="dark red", torso="lime"), row).values()) == [True, True]
    assert list(verdicts(measured(head="green", torso="green"), row).values()) == [False, True]
    assert list(verdicts(measured(head="grey", torso="red"), row).values()) == [False, False]


def test_a_hue_must_be_met_by_the_whole_body() -> None:
    assert verdicts(measured(whole="dark blue"), {"color": "blue"}) == {"whole: blue": True}
    assert verdicts(measured(whole="purple"), {"color": "blue"}) == {"whole: blue": False}


def test_the_table_counts_by_prompt_band_and_run(tmp_path: Path) -> None:
    rows = [{"text": "a red man", "band": "captioned"}, {"text": "an elf", "band": "sentences"}]
    for row, before, after in ((rows[0], [False, True], [True, True]), (rows[1], [], [])):
        record = {
            "score_first": 0.1, "score_last": 0.5,
            "verdicts_before": {str(i): value for i, value in enumerate(before)},
            "verdicts": {str(i): value for i, value in enumerate(after)},
        }  # fmt: skip
        (tmp_path / f"{run_name(row, 'search', 0)}.json").write_text(json.dumps(record))
    lines = write_table(rows, 2, tmp_path, "table.md").splitlines()
    assert "| a red man | search | 1/2 | 2/2 | 0.10 | 0.50 |" in lines
    assert "| an elf | search | 0/0 | 0/0 | 0.10 | 0.50 |" in lines
    assert "| **captioned** | search | 1/2 | 2/2 | | |" in lines
    assert "| **all** | search | 1/2 | 2/2 | | |" in lines
    assert "| **all: runs with all met** | search | 0/1 | 1/1 | | |" in lines
    assert (tmp_path / "table.md").read_text().splitlines() == lines
