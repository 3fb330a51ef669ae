"""What the photo models' texts are made of: cleaned captions, the nouns of the 80 classes, questions and answers."""
import collections
import json
import random
import re
from pathlib import Path

from photo.data import CLASSES

NOUNS = json.loads((Path(__file__).parent / "nouns.json").read_text())

#: Pairs of words that look like a class and are none.
NOT_A_CLASS = {"train track", "train station", "home plate", "orange juice", "hot dog", "stuffed bear", "bear sign"}
ANIMALS = {"elephant", "bear", "zebra", "giraffe", "cow", "sheep", "horse", "cat", "dog", "bird", "goat", "lamb", "duck"}


def plural(word: str) -> str:
    head, _, last = word.rpartition(" ")
    irregular = {"man": "men", "woman": "women", "child": "children", "person": "people", "knife": "knives"}
    irregular |= {"sheep": "sheep", "skis": "skis", "scissors": "scissors", "broccoli": "broccoli", "people": "people"}
    irregular |= {"mouse": "mice", "goose": "geese", "cattle": "cattle", "calf": "calves", "aircraft": "aircraft"}
    if last in irregular:
        last = irregular[last]
    elif re.search(r"(s|sh|ch|x)$", last):
        last += "es"
    elif re.search(r"[^aeiou]y$", last):
        last = last[:-1] + "ies"
    else:
        last += "s"
    return f"{head} {last}".strip()


#: Every spelling, singular and plural, to its class.
SPELLINGS = {
    form: CLASSES.index(name) for name, words in NOUNS.items() for word in [name, *words] for form in (word, plural(word))
}


def words_of(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?|[.,]", text.lower().replace("-", " "))


def mentions(text: str) -> list[int]:
    """Classes that a text names, in order, each mention counted; CHAIR's rules for words with two meanings."""
    words, found, at = words_of(text), [], 0
    while at < len(words):
        pair = " ".join(words[at : at + 2])
        before = words[at - 1] if at else ""
        after = words[at + 1] if at + 1 < len(words) else "."
        if pair in SPELLINGS:
            found.append(SPELLINGS[pair])
            at += 2
            continue
        word = words[at]
        skip = (
            pair in NOT_A_CLASS
            or (pair.rstrip("s") in NOT_A_CLASS)
            or (word == "orange" and after not in {".", ",", "and", "on", "in", "with", "is", "next", "sitting"})
            or (word in {"baby", "adult", "mother", "male", "female"} and (after in ANIMALS or after.rstrip("s") in ANIMALS))
            or (word == "passenger" and after in {"train", "jet", "plane", "bus", "trains", "planes"})
            or (word in {"stuffed"} and False)
            or (word in {"bear", "bears"} and before in {"stuffed", "toy"})
            or (word == "seat" and before == "toilet")
        )
        if word in SPELLINGS and not skip:
            found.append(SPELLINGS[word])
        elif word in {"bear", "bears"} and before in {"stuffed", "toy"}:
            found.append(CLASSES.index("teddy bear"))
        at += 1
    return found


def clean(caption: str) -> str:
    """One sentence: capital first, full stop last, no quotes or brackets; empty where that is not possible."""
    text = re.sub(r"[\"“”()\[\]`;:!?]", " ", caption.strip().lower().replace("\n", " "))
    text = re.sub(r"\s*-\s*", "-", text)
    text = re.sub(r"\s+'s\b", "'s", text)
    text = re.sub(r"\s*,\s*", ", ", text)
    text = re.sub(r"\s+", " ", text).strip(" .,'-")
    if not re.fullmatch(r"[a-z][a-z0-9 ,'.-]*", text) or "." in text:
        return ""
    return text[0].upper() + text[1:] + "."


class Cleaner:
    """Keeps captions of 6 to 17 words that are all common, so that a small decoder sees no word too seldom to learn."""

    def __init__(self, captions, least: int = 25, vocabulary: int = 2300):
        count = collections.Counter(word for text in captions for word in set(words_of(clean(text))))
        self.known = {word for word, number in count.most_common(vocabulary) if number >= least}

    def __call__(self, caption: str) -> str:
        text = clean(caption)
        words = words_of(text)
        right = 6 <= len(words) <= 18 and all(word in self.known for word in words)
        return text if right else ""


def article(noun: str) -> str:
    if noun in ("skis", "scissors"):
        return f"a pair of {noun}"
    if noun == "broccoli":
        return noun
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


NUMBERS = ("no", "one", "two", "three", "four", "five", "six")
DESCRIBE = ("Describe the image.", "Describe the picture.", "Describe this photo.", "What is in the image?", "What do you see?")
LIST = ("List the objects.", "What objects are in the image?", "Which things are in the picture?")


def description(caption: str, others: list[str]) -> str:
    """A caption, and in a second sentence what it leaves out."""
    if not others:
        return caption
    verb = "are" if others[0] in ("skis", "scissors") else "is"
    return f"{caption} There {verb} also {listed([article(noun) for noun in others])}."


def presence(noun: str, there: bool, rng: random.Random) -> tuple[str, str]:
    many = noun in ("skis", "scissors")
    place = rng.choice(("in the image", "in the image", "in the picture", "in the photo", "here"))
    many_form = plural(noun)
    questions = [f"Is there {article(noun)} {place}?"] * 3 + [f"Are there any {many_form} {place}?", f"Do you see {article(noun)}?"]
    if many:
        questions = [f"Are there {noun} {place}?", f"Is there {article(noun)} {place}?", f"Do you see {noun}?"]
    return rng.choice(questions), "Yes." if there else "No."


def counting(noun: str, number: int, rng: random.Random) -> tuple[str, str]:
    many = plural(noun)
    question = rng.choice((f"How many {many} are there?", f"How many {many} are in the image?", f"How many {many} are in the picture?"))
    if noun in ("skis", "scissors", "broccoli"):
        number = min(number, 1)
    if number == 0:
        return question, f"There are no {many}."
    if number == 1:
        return question, f"There is one {noun}." if noun not in ("skis", "scissors") else f"There is one pair of {noun}."
    word = NUMBERS[number] if number <= 6 else "many"
    return question, f"There are {word} {many}."


def place(x: float, y: float) -> str:
    """Where the centre of a box lies, in words; x and y in 0..1 from the top left."""
    across = "left" if x < 0.37 else "right" if x > 0.63 else ""
    down = "top" if y < 0.3 else "bottom" if y > 0.72 else ""
    if down and across:
        return f"at the {down} {across}"
    if down:
        return f"at the {down}"
    return f"on the {across}" if across else "in the middle"


def where(noun: str, spot: str | None, rng: random.Random) -> tuple[str, str]:
    verb = "are" if noun in ("skis", "scissors") else "is"
    question = rng.choice((f"Where {verb} the {noun}?", f"Where {verb} the {noun} in the image?"))
    if spot is None:
        return question, f"I do not see {article(noun)}."
    return question, f"The {noun} {verb} {spot}."


def listing(nouns: list[str]) -> str:
    text = listed([article(noun) for noun in nouns])
    return text[0].upper() + text[1:] + "."
