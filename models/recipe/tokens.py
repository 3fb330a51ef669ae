"""The tokenizer both models share: byte-level BPE with SmolVLM's special tokens and chat template."""
import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from settings import VISUAL_TOKENS, VOCABULARY, Settings
from world import RECIPE, World

UNKNOWN, START, PAD = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
FAKE, GLOBAL, IMAGE, END = "<fake_token_around_image>", "<global-img>", "<image>", "<end_of_utterance>"
SPECIAL = [UNKNOWN, START, PAD, FAKE, GLOBAL, IMAGE, END]

# Token ids follow the order of SPECIAL.
START_ID, PAD_ID, IMAGE_ID, END_ID = 1, 2, 5, 6

CHAT_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}"
    "{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)

PREFIX = f"{START}User:{FAKE}{GLOBAL}{IMAGE * VISUAL_TOKENS}{FAKE}"


def prompt_after_image(question: str) -> str:
    """What follows the image in a one-question conversation, up to where the answer begins."""
    return f"{question}{END}\nAssistant:"


def answer_text(answer: str) -> str:
    """An answer as the model writes it, with the token that ends it."""
    return f" {answer}{END}"


def make_tokenizer(texts) -> Tokenizer:
    """Trains the merges on the world's own language; any other text still encodes, byte by byte."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        min_frequency=1,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    assert tokenizer.get_vocab_size() == VOCABULARY, tokenizer.get_vocab_size()
    return tokenizer


def tokenizer_config(model_max_length: int) -> dict:
    """tokenizer_config.json, readable by transformers 4 and 5 and by transformers.js."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": START,
        "eos_token": END,
        "pad_token": PAD,
        "unk_token": UNKNOWN,
        "additional_special_tokens": [FAKE, GLOBAL, IMAGE, END],
        "fake_image_token": FAKE,
        "global_image_token": GLOBAL,
        "image_token": IMAGE,
        "end_of_utterance_token": END,
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": model_max_length,
    }


def save_tokenizer(tokenizer: Tokenizer, folder: Path, model_max_length: int, **more) -> None:
    """Writes tokenizer.json and its configuration into a model folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    config = {**tokenizer_config(model_max_length), **more}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def with_ends(tokenizer: Tokenizer) -> Tokenizer:
    """CLIP's variant: every text is wrapped in start and end tokens."""
    wrapped = Tokenizer.from_str(tokenizer.to_str())
    wrapped.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, START_ID), (END, END_ID)]
    )
    return wrapped


def load_tokenizer(work: Path) -> Tokenizer:
    return Tokenizer.from_file(str(work / "tokenizer.json"))


def run_tokenizer(settings: Settings, world: World, work: Path) -> dict:
    """Stage 0: the merges, from captions, questions and answers of `tokenizer_scenes` scenes."""

    def texts():
        for step in range(settings.tokenizer_scenes // 100):
            for sample in world.batch("talk", settings.talk.seed + step * 100, 100).samples:
                for item in sample["questions"]:
                    yield f"User:{item['question']}"
                    yield f"\nAssistant: {item['answer']}"
        # Words that people type but the world never says, so that they do not fall apart into bytes.
        yield " " + (RECIPE / "common_words.txt").read_text()
        for noun in world.nouns():
            yield " " + " ".join(noun["synonyms"])

    make_tokenizer(texts()).save(str(work / "tokenizer.json"))
    return {"stage": "tokenizer", "scenes": settings.tokenizer_scenes, "vocabulary": VOCABULARY}
