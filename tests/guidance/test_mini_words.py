"""Words without a picture and words that are not read: told apart, and only where the checkpoint can say so."""

from pathlib import Path

import pytest
from tests.guidance.mini_folder import write_mini

from clipmatrix.errors import ModelError
from clipmatrix.generate.loading import text_warnings
from clipmatrix.guidance.base import WordGuidance
from clipmatrix.guidance.clip import ClipGuidance
from clipmatrix.guidance.fake import load_fake
from clipmatrix.guidance.loading import load_guidance
from clipmatrix.guidance.mini import MiniGuidance, load_mini
from clipmatrix.guidance.mini.words import PicturedWords, stems

PICTURED = ("a", "blue", "dragon", "knight", "light", "man")


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> MiniGuidance:
    return load_mini(write_mini(tmp_path_factory.mktemp("mini"), PICTURED))


def test_words_without_a_picture_are_told_from_words_that_are_not_read(mini: MiniGuidance) -> None:
    text = "a Steampunk man with FIRE, qzxv and 4 dragons"
    assert mini.unpictured_words(text) == ("Steampunk", "FIRE")
    assert mini.unknown_words(text) == ("qzxv", "4")


def test_a_word_is_told_once_and_function_words_never(mini: MiniGuidance) -> None:
    assert mini.unpictured_words("a robe, the very robe, which is on a robe") == ("robe",)
    assert mini.unknown_words("the very man which is on a knight's") == ()


def test_what_is_cut_off_is_left_to_the_warning_about_that(mini: MiniGuidance) -> None:
    assert mini.unpictured_words("a man " * 12 + "robe") == ()


@pytest.mark.parametrize(
    ("pictured", "missing"), [((), ("light-blue",)), (("blue", "light"), ()), (("light blue",), ())]
)
def test_a_colours_name_is_one_word_however_it_is_joined(
    pictured: tuple[str, ...], missing: tuple[str, ...], tmp_path: Path
) -> None:
    mini = load_mini(write_mini(tmp_path, ("man", *pictured)))
    assert mini.unpictured_words("a light-blue man") == missing


def test_letters_of_other_scripts_are_not_read(mini: MiniGuidance) -> None:
    assert mini.unknown_words("ein Ritter, 人物") == ("ein", "Ritter", "人物")


def test_folders_without_the_list_speak_of_unread_words_only(tmp_path: Path) -> None:
    mini = load_mini(write_mini(tmp_path))
    assert mini.unpictured_words("a steampunk robe") == ()
    assert mini.unknown_words("a qzxv robe") == ("qzxv",)


def test_a_list_that_is_no_text_is_a_damaged_folder(tmp_path: Path) -> None:
    folder = write_mini(tmp_path, PICTURED)
    (folder / "pictured.txt").write_bytes(b"\xff\xfe\x00bad")
    with pytest.raises(ModelError, match="damaged"):
        load_mini(folder)


@pytest.mark.parametrize("word", ["dragons", "dragon's", "dragoned", "dragoning", "dragon"])
def test_inflections_of_a_pictured_word_are_pictured(word: str) -> None:
    assert PicturedWords(["dragon"]).has(word)
    assert not PicturedWords(["demon"]).has(word)


@pytest.mark.parametrize(
    ("first", "second"),
    [("pixies", "pixie"), ("fairies", "fairy"), ("spotted", "spot"), ("blazing", "blaze"), ("rotted", "rotting")],
)
def test_stems_meet(first: str, second: str) -> None:
    assert stems(first) & stems(second)


@pytest.mark.parametrize(("first", "second"), [("king", "k"), ("dress", "dre"), ("red", "r"), ("golem", "gold")])
def test_other_words_stay_apart(first: str, second: str) -> None:
    assert not stems(first) & stems(second)


def test_the_user_gets_one_line_for_all_texts(mini: MiniGuidance) -> None:
    (line,) = text_warnings(mini, ["a steampunk man", "a Steampunk friend", "a qzxv dragon"])
    assert line == (
        "no picture for: 'Steampunk'; they will be guessed from their meaning; not read at all: 'qzxv'; "
        "a larger encoder knows more words: --clip openai/clip-vit-base-patch32"
    )
    assert text_warnings(mini, ["a light blue dragon"]) == ()


def test_a_long_list_is_cut_short(mini: MiniGuidance) -> None:
    (line,) = text_warnings(mini, [" ".join(f"qzxv{'y' * index}" for index in range(12))])
    assert "and 4 more" in line
    assert "no picture" not in line


def test_only_the_embedded_encoder_speaks_of_words(mini: MiniGuidance, clip_folder: Path) -> None:
    assert isinstance(mini, WordGuidance)
    clip = load_guidance(str(clip_folder))
    assert isinstance(clip, ClipGuidance)
    for other in (clip, load_fake()):
        assert not isinstance(other, WordGuidance)
        assert text_warnings(other, ["a qzxv man"]) == ()


def test_what_words_are_read_as_is_said() -> None:
    (line,) = text_warnings(load_guidance("mini", "cpu"), ["a druid in oak, and qzxv"])
    assert line.startswith("read for want of pictures: 'oak' as wood, 'druid' as wizard; not read at all: 'qzxv'; ")
