"""What the replicas share: sampling, and TRL's losses with PEFT on a decoder that sees embedded pictures."""
import json
import random
import subprocess
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from torch.nn import functional as F

# src/preference/judged-pairs.ts, src/state/defaults.ts
CANDIDATES, TEMPERATURE, TOP_P, MAX_TOKENS = 12, 1.0, 0.95, 48
PROMPT = "Describe the image."
LONGEST_ANSWER = 64
# src/training/config.ts
LORA = dict(r=16, lora_alpha=32)
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# The defaults of the page: src/kernels/losses/{dpo_sigmoid,simpo}/loss.ts over src/training/config.ts
TRAININGS = {
    "DPO": dict(loss="dpo", beta=0.5, learning_rate=1.5e-3, batch=8, epochs=8),
    "SimPO": dict(loss="simpo", beta=10.0, gamma=0.5, learning_rate=1e-3, batch=8, epochs=6),
}


class Talker:
    """A bundled VLM whose pictures are visual tokens. `text` is its decoder, with or without an adapter.

    `tokens` is the module of its recipe that knows the ids and the chat format.
    """

    def __init__(self, vlm, text, tokenizer, tokens):
        self.vlm, self.text, self.tokenizer, self.tokens = vlm, text, tokenizer, tokens
        ids = lambda words: tokenizer.encode(words, add_special_tokens=False).ids
        self.prompt = torch.tensor(ids(tokens.PREFIX) + ids(tokens.prompt_after_image(PROMPT)))
        self.embed = text.embed_tokens

    def prompts(self, visual):
        embedded = self.embed(self.prompt)[None].repeat(len(visual), 1, 1)
        embedded[:, self.prompt == self.tokens.IMAGE_ID] = visual
        return embedded

    @torch.no_grad()
    def generate(self, text, visual, longest: int, temperature: float):
        """Answers, None for one that was cut off; temperature 0 is greedy."""
        output = text(inputs_embeds=self.prompts(visual), use_cache=True)
        rows, ended = [[] for _ in visual], torch.zeros(len(visual), dtype=torch.bool)
        for _ in range(longest):
            logits = self.vlm.lm_head(output.last_hidden_state[:, -1])
            drawn = logits.argmax(-1) if temperature == 0 else draw(logits / temperature)
            ended |= drawn == self.tokens.END_ID
            for row, token, over in zip(rows, drawn.tolist(), ended.tolist()):
                if not over:
                    row.append(token)
            if ended.all():
                break
            output = text(input_ids=drawn[:, None], past_key_values=output.past_key_values, use_cache=True)
        answers = [self.tokenizer.decode(row, skip_special_tokens=True).strip() for row in rows]
        return [answer if over or temperature == 0 else None for answer, over in zip(answers, ended.tolist())]


def draw(logits):
    """One token per row from the nucleus of TOP_P."""
    shares, ids = logits.softmax(-1).sort(-1, descending=True)
    shares[shares.cumsum(-1) - shares >= TOP_P] = 0
    return ids.gather(1, torch.multinomial(shares, 1))[:, 0]


def chosen_pairs(choose: Path, pictures: list[list[dict]], most: int) -> list[dict]:
    """The pairs that the page would keep of each picture's scored answers, by its own rule (choose_pairs.ts)."""
    given = json.dumps(dict(most=most, pictures=pictures)).encode()
    return json.loads(subprocess.run(["node", str(choose)], input=given, stdout=subprocess.PIPE, check=True).stdout)


def token_logps(models: Talker, text, pairs: list[dict]):
    """Sums of log-probabilities and lengths, [pairs, (chosen, rejected)]."""
    encode = lambda answer: models.tokenizer.encode(models.tokens.answer_text(answer)).ids
    rows = [encode(pair[side]) for pair in pairs for side in ("chosen", "rejected")]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [models.tokens.PAD_ID] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    visual = torch.stack([pair["visual"] for pair in pairs for _ in (0, 1)])
    embedded = torch.cat([models.prompts(visual), models.embed(ids)], 1)
    before = len(models.prompt)
    visible = torch.cat([torch.ones(len(rows), before, dtype=torch.long), mask], 1)
    hidden = text(inputs_embeds=embedded, attention_mask=visible, use_cache=False).last_hidden_state[:, before - 1 : -1]
    logps = models.vlm.lm_head(hidden).log_softmax(-1).gather(-1, ids[..., None])[..., 0]
    return (logps * mask).sum(-1).view(-1, 2), mask.sum(-1).view(-1, 2)


def train(models: Talker, pairs: list[dict], seed: int, loss: str, beta: float, learning_rate, batch, epochs, gamma=0.0):
    """A decoder with a trained adapter: TRL's DPOTrainer (sigmoid) or CPOTrainer (simpo), linear schedule, AdamW."""
    torch.manual_seed(seed)
    text = get_peft_model(models.text, LoraConfig(**LORA, target_modules=TARGETS))
    with torch.no_grad(), text.disable_adapter():
        reference = torch.cat([token_logps(models, text, pairs[i : i + 8])[0] for i in range(0, len(pairs), 8)])
    parameters = [parameter for parameter in text.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0)
    shuffled, per_epoch = random.Random(seed), -(-len(pairs) // batch)
    steps = epochs * per_epoch
    orders = [shuffled.sample(range(len(pairs)), len(pairs)) for _ in range(epochs)]
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = learning_rate * (1 - step / steps)
        first = step % per_epoch * batch
        taken = orders[step // per_epoch][first : first + batch]
        sums, lengths = token_logps(models, text, [pairs[i] for i in taken])
        values = sums - reference[taken] if loss == "dpo" else sums / lengths
        objective = -F.logsigmoid(beta * (values[:, 0] - values[:, 1]) - gamma).mean()
        optimizer.zero_grad()
        objective.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    return text
