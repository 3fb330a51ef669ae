"""The photo models' tokenizer: byte-level BPE (any text encodes), SmolVLM's chat format without its split-image tokens."""
import json
import random
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from photo import language
from photo.data import CLASSES

VOCABULARY = 2560
VISUAL_TOKENS = 16
UNKNOWN, START, PAD, IMAGE, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<end_of_utterance>"
SPECIAL = [UNKNOWN, START, PAD, IMAGE, END]
NOTHING_ID, START_ID, PAD_ID, IMAGE_ID, END_ID = range(5)

CHAT_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}"
    "{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
PREFIX = f"{START}User:{IMAGE * VISUAL_TOKENS}"


def prompt_after_image(question: str) -> str:
    return f"{question}{END}\nAssistant:"


def answer_text(answer: str) -> str:
    return f" {answer}{END}"


def questions_and_answers(seed: int):
    """Every noun in every turn of phrase, so that the merges know them."""
    rng = random.Random(seed)
    for noun in CLASSES:
        for _ in range(30):
            yield " ".join(language.presence(noun, rng.random() < 0.5, rng))
            yield " ".join(language.counting(noun, rng.randrange(8), rng))
            spot = language.place(rng.random(), rng.random())
            yield " ".join(language.where(noun, rng.choice((spot, spot, None)), rng))
        yield language.description("", [noun, noun])
    for question in language.DESCRIBE + language.LIST:
        yield from [f"User:{question}\nAssistant:"] * 100


def train(captions: list[str], seed: int, path: Path) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    texts = [f" {caption}" for caption in captions] + list(questions_and_answers(seed))
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(path), pretty=False)
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path, longest: int, **more) -> None:
    """tokenizer.json and tokenizer_config.json, readable by transformers and transformers.js."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": START,
        "eos_token": END,
        "pad_token": PAD,
        "unk_token": UNKNOWN,
        "additional_special_tokens": [IMAGE, END],
        "image_token": IMAGE,
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": longest,
        **more,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def with_ends(tokenizer: Tokenizer) -> Tokenizer:
    """CLIP's variant: every text is wrapped in start and end tokens."""
    wrapped = Tokenizer.from_str(tokenizer.to_str())
    wrapped.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, START_ID), (END, END_ID)]
    )
    return wrapped
