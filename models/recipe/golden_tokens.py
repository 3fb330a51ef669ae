"""A thousand strings with their token ids, so that the browser's tokenizer can be compared with Python's."""
import random

from tokenizers import Tokenizer

from world import World

POOLS = {
    "accents": "àéîöüñçßøåœžŁğΩж ",
    "emoji": "😀🎉🐱🧶👩‍🚀🇫🇷❤️✨ ",
    "cjk": "猫は可愛い한국어中文 ",
    "ascii": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;:!?'\"-()[]{}<>|/\\@#$%^&*_+=~`",
    "blank": " \t\n  a.",
}
CORNERS = ["", " ", "\n", "  two  spaces  ", "don't they're I'll we've", "3.14159 and 1,000,000", "a" * 500, "é" * 500]


def strings(world: World) -> list[str]:
    """The world's own sentences, then random text from several alphabets, then corner cases; always the same."""
    batch = world.batch("talk", 1, 100, biased=True)
    own = [text for sample in batch.samples for item in sample["questions"] for text in (item["question"], item["answer"])]
    chance = random.Random(11)
    made = []
    for index in range(1000 - 600 - len(CORNERS)):
        pool = POOLS[list(POOLS)[index % len(POOLS)]]
        length = 500 if index % 97 == 0 else chance.randint(1, 40)
        made.append("".join(chance.choices(pool, k=length)))
    return own[:600] + made + CORNERS


def tokenizer_golden(world: World, tokenizer: Tokenizer) -> dict:
    cases = [[text, tokenizer.encode(text, add_special_tokens=False).ids] for text in strings(world)]
    assert len(cases) == 1000
    return {"cases": cases}
