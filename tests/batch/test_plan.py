"""What a batch's file comes to: names that say the settings, every combination, draws that repeat, placed mistakes."""

from pathlib import Path

import pytest

from clipmatrix.batch.matrix import MOST, parse_seeds
from clipmatrix.batch.plan import Job, build_job, plan_matrix, plan_texts
from clipmatrix.config import default_prompts, load_config, preset
from clipmatrix.errors import ClipMatrixError, ConfigError, PromptError


def _matrix(folder: Path, text: str) -> tuple[Job, ...]:
    path = folder / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    return plan_matrix(path, None, ())


def _mistake(folder: Path, text: str) -> str:
    with pytest.raises(ClipMatrixError) as caught:
        _matrix(folder, text)
    return str(caught.value).removeprefix(f"{folder}/")


def test_a_text_file_is_a_prompt_a_line_with_every_seed(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text("# the first\na zebra striped man\n\n  a golden statue  \n", encoding="utf-8")
    jobs = plan_texts(path, preset("draft"), (3, 4))
    assert [(job.config.prompts[0].text, job.config.seed) for job in jobs] == [
        ("a zebra striped man", 3),
        ("a zebra striped man", 4),
        ("a golden statue", 3),
        ("a golden statue", 4),
    ]
    assert jobs[0].config.prompts == default_prompts("a zebra striped man")
    assert jobs[0].config.quality == "draft"


def test_names_are_functions_of_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text("a zebra striped man\na zebra striped man\n", encoding="utf-8")
    once, again = plan_texts(path, preset("draft"), ()), plan_texts(path, preset("draft"), ())
    assert [job.name for job in once] == [job.name for job in again]
    assert len(once) == 1
    assert once[0].name.startswith("a-zebra-striped-man-0-")
    assert plan_texts(path, preset("standard"), ())[0].name != once[0].name
    long = build_job(preset("draft").__class__(prompts=default_prompts("word " * 60)))
    assert len(long.name) < 80


def test_the_settings_of_a_job_read_back_as_they_are(tmp_path: Path) -> None:
    job = _matrix(tmp_path, "prompts: ['a man: with #signs, 100 %']\nsettings: {optimiser.refine: [0.3]}\n")[0]
    (tmp_path / "job.yaml").write_text(job.yaml, encoding="utf-8")
    assert load_config(tmp_path / "job.yaml") == job.config


def test_a_matrix_is_every_combination(tmp_path: Path) -> None:
    jobs = _matrix(
        tmp_path,
        "base: {quality: draft, steps: 20}\n"
        "prompts: [a man, [{text: a red head, region: head}, {text: a man}]]\n"
        "seeds: 0-1\n"
        "settings:\n"
        "  scene.texture_size: [256, 512]\n"
        "  optimiser.refine: [1e-1, 0.2]\n",
    )
    assert len(jobs) == len({job.name for job in jobs}) == 2 * 2 * 2 * 2
    found = {(job.config.scene.texture_size, job.config.optimiser.refine, job.config.seed) for job in jobs}
    assert found == {(size, refine, seed) for size in (256, 512) for refine in (0.1, 0.2) for seed in (0, 1)}
    assert {len(job.config.prompts) for job in jobs} == {2}
    assert {job.config.prompts[0].region for job in jobs} == {"whole", "head"}
    assert all(job.config.steps == 20 for job in jobs)


def test_draws_repeat_and_keep_to_their_ranges(tmp_path: Path) -> None:
    text = (
        "prompts: [a man]\nsearch:\n  count: 40\n  seed: 7\n  ranges:\n"
        "    optimiser.texture_rate: {low: 0.001, high: 0.1, log: true}\n"
        "    search.num_rounds: {low: 2, high: 4}\n"
        "    start: {choices: [search, neutral]}\n"
    )
    jobs = _matrix(tmp_path, text)
    assert [job.name for job in jobs] == [job.name for job in _matrix(tmp_path, text)]
    assert [job.name for job in jobs] != [job.name for job in _matrix(tmp_path, text.replace("seed: 7", "seed: 8"))]
    rates = sorted(job.config.optimiser.texture_rate for job in jobs)
    assert 0.001 <= rates[0] < 0.01 < rates[-1] <= 0.1
    # By the logarithm half of them lie below 0.01; evenly it would be a tenth.
    assert 10 <= sum(rate < 0.01 for rate in rates) <= 30
    assert {job.config.search.num_rounds for job in jobs} == {2, 3, 4}
    assert {job.config.start for job in jobs} == {"search", "neutral"}


def test_a_base_may_be_a_file_and_hold_the_prompts(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("quality: draft\nprompts:\n- {text: a man}\n", encoding="utf-8")
    jobs = _matrix(tmp_path, "base: base.yaml\nseeds: [1, 2]\n")
    assert [job.config.seed for job in jobs] == [1, 2]
    assert jobs[0].config.prompts[0].text == "a man"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prompts: [a man]\nsede: 3\n", 'plan.yaml:2: unknown key "sede" in the file: did you mean "seeds"?'),
        ("prompts: [a man]\nprompts: [b]\n", 'plan.yaml:2: "prompts" stands twice in the file: remove one of them'),
        (
            "base: {quality: draft,\n  stepz: 3}\n",
            'plan.yaml:2: unknown key "stepz" in the file: did you mean "steps"?',
        ),
        (
            "prompts: [a man]\nbase:\n  quality: draft\n  scene:\n    texture_size: 33\n",
            "plan.yaml:5: texture_size must be a power of two",
        ),
        ("prompts:\n- a man\n- ''\n", "plan.yaml:3: "),
        ("prompts: [a man]\nseeds: 4-2\n", "plan.yaml:2: seeds are whole numbers and ranges, not"),
        ("seeds: 3\n", "plan.yaml: there is no prompt: add for instance prompts: [a zebra striped man]"),
        (
            "prompts: [a man]\nsettings:\n  optimiser.refin: [0.1]\n",
            'plan.yaml:3: unknown key "refin" in optimiser: did you mean "refine"?',
        ),
        ("prompts: [a man]\nsettings:\n  steps:\n  - 20\n  - many\n", "plan.yaml:5: steps must be a whole number"),
        (
            "prompts: [a man]\nsearch: {ranges: {steps: {low: 1, high: 2}}}\n",
            'plan.yaml:2: search needs "count": add it',
        ),
        (
            "prompts: [a man]\nsearch:\n  count: 2\n  ranges:\n    steps: {low: 9, high: 2}\n",
            "plan.yaml:5: steps must go from low to high, not from 9 to 2",
        ),
        ("- a man\n", "plan.yaml:1: a matrix has the sections base, prompts, seeds, settings, search"),
        ("prompts: [a\n", "plan.yaml:2: no valid YAML: "),
    ],
)
def test_mistakes_are_placed(tmp_path: Path, text: str, message: str) -> None:
    assert message in _mistake(tmp_path, text)


def test_text_files_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    with pytest.raises(ConfigError, match=r"cannot be read"):
        plan_texts(path, preset("draft"), ())
    path.write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="has no prompt"):
        plan_texts(path, preset("draft"), ())
    path.write_text("a man\n" + "x" * 5 + "\x00\n", encoding="utf-8")
    base = preset("draft").__class__(prompts=default_prompts("a man"))
    with pytest.raises(ConfigError, match="keep them in one place"):
        plan_texts(path, base, ())
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="no UTF-8"):
        plan_texts(path, preset("draft"), ())


def test_seeds() -> None:
    assert parse_seeds("0-3,7,2") == (0, 1, 2, 3, 7)
    for text in ("", "a", "3-1", "-1", f"0-{MOST}"):
        with pytest.raises(ConfigError, match="seeds are"):
            parse_seeds(text)


def test_too_many_jobs_are_a_slip(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="no prompt"):
        _matrix(tmp_path, "base: {quality: draft}\n")
