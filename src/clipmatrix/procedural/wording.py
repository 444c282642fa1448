"""The words around what a caption states: names of figures, garments and parts, and phrases that claim nothing."""

BEINGS = (
    "person", "figure", "human", "body", "character", "creature", "humanoid", "being", "monster", "statue", "person",
    "figure", "mannequin", "doll", "somebody", "figurine", "human being", "hero", "warrior", "sculpture", "avatar",
    "action figure",
)  # fmt: skip
MALE = ("man", "guy", "man", "boy", "man", "gentleman", "dude", "male person")
FEMALE = ("woman", "lady", "woman", "girl", "woman", "female person")

PREFIXES = (
    ("",) * 30
    + ("a photo of ", "a 3d render of ", "a rendering of ", "a 3d model of ", "a picture of ", "an image of ") * 2
    + ("a cartoon of ", "a drawing of ", "concept art of ", "a realistic ", "a low poly ", "a stylized ",
       "a statue of ", "a sculpture of ", "a video game character of ", "a figurine of ",
       "somebody dressed as ", "a close shot of ")
)  # fmt: skip
SUFFIXES = (
    ("",) * 33
    + (", 3d render", ", full body", ", highly detailed", ", digital art", ", studio lighting") * 2
    + (", cartoon style", ", realistic", ", low poly", ", unreal engine", ", 4k", ", game character", ", front view",
       ", standing", ", a masterpiece", ", isolated")
)  # fmt: skip
BARE_PREFIXES = frozenset(("a realistic ", "a low poly ", "a stylized "))
"""Prefixes that take the place of the article."""

TOPS = ("shirt", "shirt", "jacket", "top", "sweater", "t-shirt", "hoodie", "coat", "tunic", "uniform shirt", "blouse")
TROUSERS = ("trousers", "pants", "trousers", "leggings", "jeans", "breeches", "tights")
GARMENTS = (
    "suit", "jumpsuit", "costume", "outfit", "robe", "dress", "uniform", "tunic", "body suit", "overall", "clothes",
    "onesie",
)  # fmt: skip
SHOES = ("shoes", "boots", "shoes", "sneakers")
NAMES = (
    ("head", "face"), ("torso", "chest", "body"), ("arms", "sleeves"), ("hands", "gloves"),
    ("legs", "legs", "trousers"), ("feet", "shoes", "boots"),
)  # fmt: skip
"""What each slot is called."""

HEADS = ("head", "head", "head", "face")
MADE_OF = (
    " made of ", " covered in ", " made from ", " with skin of ", " made out of ", " built of ", " carved from ",
    " covered with ", " clad in ", " consisting of ", " wrapped in ",
)  # fmt: skip
ALL_OVER = ("all over", "from head to toe", "everywhere")
TEMPERS = ("angry", "scary", "evil", "friendly", "happy", "classic", "funny", "cute", "creepy", "ugly", "beautiful")
"""Adjectives that no picture can prove or refute."""
