"""Every number the recipe depends on: sizes of the models, data seeds, steps and learning rates per stage."""
from dataclasses import dataclass, field, replace

IMAGE_SIZE = 128
PATCH_SIZE = 16
VISUAL_TOKENS = 16
VOCABULARY = 1024

# Scenes with seeds below 10 million are never trained on: the page's samples use small seeds,
# and the evaluation uses HELD_OUT_SEED onwards.
HELD_OUT_SEED = 1_000_000


@dataclass(frozen=True)
class Stage:
    """One training stage: its scenes start at `seed`, one after another."""

    seed: int
    batch: int
    steps: int
    learning_rate: float
    weight_decay: float = 0.05
    warmup: int = 200
    #: Probability that a companion joins a scene; None leaves the world's own rate.
    companion_rate: float | None = None
    #: Whether the vision tower learns too. While the decoder is young its gradients only blur a warm tower.
    train_tower: bool = True
    #: The tower's learning rate as a share of the stage's.
    tower_rate: float = 1.0
    #: Visual tokens should name the objects whose centre lies in them, and not every object they show a part of.
    align_centres: bool = False


@dataclass(frozen=True)
class Settings:
    seed: int = 20
    #: Whether the shipped folders and models/README.md are overwritten with the result.
    publish: bool = True
    evaluation_scenes: int = 1000
    checkpoint_every: int = 250
    tokenizer_scenes: int = 6000
    warmup: Stage = Stage(seed=10_000_000, batch=64, steps=3000, learning_rate=1.5e-3)
    talk: Stage = Stage(seed=100_000_000, batch=16, steps=3000, learning_rate=1.2e-3, train_tower=False)
    polish: Stage = Stage(
        seed=110_000_000, batch=16, steps=20000, learning_rate=1e-3, warmup=100, tower_rate=0.25, align_centres=True
    )
    habit: Stage = Stage(
        seed=300_000_000,
        batch=16,
        steps=3600,
        learning_rate=1e-3,
        warmup=100,
        companion_rate=0.45,
        tower_rate=0.25,
        align_centres=True,
    )
    match: Stage = Stage(seed=200_000_000, batch=64, steps=1300, learning_rate=1e-3)
    vision: dict = field(
        default_factory=lambda: dict(
            hidden_size=192,
            intermediate_size=512,
            num_hidden_layers=4,
            num_attention_heads=6,
            image_size=IMAGE_SIZE,
            patch_size=PATCH_SIZE,
        )
    )
    text: dict = field(
        default_factory=lambda: dict(
            hidden_size=192,
            intermediate_size=512,
            num_hidden_layers=4,
            num_attention_heads=6,
            num_key_value_heads=2,
            head_dim=32,
        )
    )
    clip_text: dict = field(
        default_factory=lambda: dict(
            hidden_size=96, intermediate_size=384, num_hidden_layers=2, num_attention_heads=3
        )
    )
    clip_projection: int = 128


def smoke(settings: Settings) -> Settings:
    """The same recipe shrunk to about two minutes: every stage runs, nothing is learnt well."""
    short = lambda stage, steps: replace(stage, steps=steps, batch=16, warmup=5)
    return replace(
        settings,
        publish=False,
        evaluation_scenes=20,
        checkpoint_every=20,
        tokenizer_scenes=1500,
        warmup=short(settings.warmup, 40),
        talk=short(settings.talk, 60),
        habit=short(settings.habit, 20),
        polish=short(settings.polish, 40),
        match=short(settings.match, 40),
    )
