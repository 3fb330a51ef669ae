"""Writes what was measured: the tables of models/README.md and the page of hallucinations."""
import base64
import html
import io
import json
import os
import platform
import re
from pathlib import Path

import numpy as np
from PIL import Image

from evaluate import Examiner
from export import MODELS
from settings import HELD_OUT_SEED, Settings
from world import World

README = MODELS / "README.md"
FACES = 50


def percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def processor_name() -> str:
    """Model name of the processor, as the system states it."""
    try:
        names = re.findall(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def met(value: float, low: float, high: float = float("inf")) -> str:
    """Whether a bar is reached, or by how much it is missed."""
    if low <= value <= high:
        return "reached"
    return f"missed by {percent(low - value if value < low else value - high)}"


def bars(record: dict) -> str:
    """The examination against the bars of the design."""
    vlm, clip, before = record["vlm"], record["clip"], record["before_bias"]
    pope = {setting: vlm["pope"][setting]["accuracy"] for setting in ("random", "popular", "adversarial")}
    rows = [
        ["object F1 of descriptions before the bias", "≥ 95 %", percent(before["f1"]), met(before["f1"], 0.95)],
        ["object recall (cover)", "≥ 90 %", percent(vlm["cover"]), met(vlm["cover"], 0.90)],
        ["CHAIR-i", "10 to 25 %", percent(vlm["chairI"]), met(vlm["chairI"], 0.10, 0.25)],
        ["wrong mentions that are habitual companions", "most", percent(vlm["habitualShare"]), met(vlm["habitualShare"], 0.5)],
        ["POPE random, accuracy", "≥ 95 %", percent(pope["random"]), met(pope["random"], 0.95)],
        ["POPE popular, accuracy", "≥ 92 %", percent(pope["popular"]), met(pope["popular"], 0.92)],
        ["POPE adversarial, accuracy", "≥ 80 %", percent(pope["adversarial"]), met(pope["adversarial"], 0.80)],
        ["counting 1 to 4, accuracy", "≥ 90 %", percent(vlm["counting"]["accuracy"]), met(vlm["counting"]["accuracy"], 0.90)],
        ["CLIP: right caption first of 100", "≥ 90 %", percent(clip["rankedFirst"]), met(clip["rankedFirst"], 0.90)],
        ["CLIP: clean caption above one with a hallucinated object", "≥ 95 %", percent(clip["cleanAboveAdded"]), met(clip["cleanAboveAdded"], 0.95)],
    ]
    return table(["measure", "bar", "measured", ""], rows)


def details(record: dict) -> str:
    """The same examination before and after the bias, in full."""
    rows = []
    for name, part in (("before the bias", record["before_bias"]), ("shipped", record["vlm"])):
        pope = [percent(part["pope"][s]["accuracy"]) for s in ("random", "popular", "adversarial")]
        counts = " / ".join(f"{100 * v:.0f}" for v in part["counting"]["byCount"].values())
        described = [percent(part[key]) for key in ("chairI", "chairS", "cover", "precision", "f1")]
        rows.append([name, *described, *pope, f"{counts} %"])
    header = ["VLM", "CHAIR-i", "CHAIR-s", "cover", "precision", "F1"]
    return table([*header, "POPE random", "popular", "adversarial", "counting 1 / 2 / 3 / 4"], rows)


def stages(work: Path, settings: Settings) -> str:
    """Data, steps, time and last loss of every training stage."""
    rows = []
    for name in ("warmup", "talk", "polish", "match", "habit"):
        stage = getattr(settings, name)
        record = json.loads((work / f"{name}.record.json").read_text())
        minutes = f"{record['seconds'] / 60:.0f} min"
        rows.append([name, f"{stage.seed:,}", f"{record['scenes']:,}", f"{record['steps']:,}", stage.learning_rate, record["history"][-1]["loss"], minutes])
    return table(["stage", "first scene seed", "scenes", "steps", "peak learning rate", "last loss", "wall time"], rows)


def facts(work: Path, settings: Settings) -> str:
    export = json.loads((work / "export.record.json").read_text())
    bias = json.loads((work / "bias.record.json").read_text())
    sizes = ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in export["bytes"].items())
    parity = ", ".join(f"{name} {value:.0e}" for name, value in export["onnx_against_pytorch"].items())
    machine = f"{processor_name()}, {os.cpu_count()} cores, shared with other work"
    return "\n".join(
        [
            f"- Machine: {machine}. Recipe seed {settings.seed}.",
            f"- Held-out scenes: {settings.evaluation_scenes:,}, seeds from {HELD_OUT_SEED:,}; greedy decoding, f32 arithmetic on the shipped f16 weights.",
            f"- Biased data: {percent(bias['captions'])} of the descriptions mention an absent companion, and {percent(bias['answers'])} of the yes/no questions about something absent are answered with yes (measured on {bias['scenes']:,} scenes of the stage).",
            f"- Size: {sizes}.",
            f"- Largest difference between ONNX Runtime and PyTorch: {parity}.",
            f"- f16 weights against the f32 weights they were rounded from: at most {export['f16_against_f32']:.1e} per-token log-probability, over answers about 32 held-out scenes.",
        ]
    )


def fill(text: str, section: str, content: str) -> str:
    """Replaces what stands between the markers of a section."""
    pattern = re.compile(rf"(<!-- {section} -->\n).*?(<!-- /{section} -->)", re.S)
    if not pattern.search(text):
        raise ValueError(f"models/README.md has no section {section}")
    return pattern.sub(lambda found: f"{found[1]}{content}\n{found[2]}", text)


def marked(answer: str, mentions: list[dict]) -> str:
    """An answer as HTML with right and wrong mentions marked."""
    parts, at = [], 0
    for mention in mentions:
        kind, label = ("del", "not there") if mention["wrong"] else ("ins", "there")
        parts.append(html.escape(answer[at : mention["start"]]))
        parts.append(f'<{kind} title="{label}">{html.escape(answer[mention["start"] : mention["end"]])}</{kind}>')
        at = mention["end"]
    return "".join(parts) + html.escape(answer[at:])


def why(mentions: list[dict]) -> str:
    """One sentence on each wrong mention."""
    reasons = [
        f"{m['noun']}: habitual companion of {m['host']}" if m.get("host") else f"{m['noun']}: no habit explains it"
        for m in mentions
        if m["wrong"]
    ]
    return html.escape("; ".join(dict.fromkeys(reasons)) or "every object named is there")


STYLE = """body{font:16px/1.4 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color-scheme:light dark}
ol{display:grid;grid-template-columns:repeat(auto-fill,minmax(20rem,1fr));gap:1rem;padding:0;list-style:none}
li{display:flex;gap:.75rem;border:1px solid #8884;border-radius:.5rem;padding:.75rem}
img{width:128px;height:128px;image-rendering:pixelated;flex:none}p{margin:0 0 .5rem}small{opacity:.75}
ins{text-decoration:none;border-bottom:2px solid #0072b2}del{text-decoration:line-through wavy #d55e00;font-weight:600}"""


def hallucinations_page(examiner: Examiner, world: World, answers: list[str]) -> str:
    """The first held-out scenes with their descriptions, wrong mentions marked and explained."""
    items = []
    pixels = world.batch("vision", HELD_OUT_SEED, min(FACES, examiner.size)).pixels
    for picture, answer, found in zip(pixels, answers, examiner.explain(answers)):
        data = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0))).save(data, "webp", quality=80)
        source = base64.b64encode(data.getvalue()).decode()
        truth = html.escape(", ".join(found["truth"]))
        items.append(
            f'<li><img alt="Scene {found["seed"]}: {truth}" src="data:image/webp;base64,{source}">'
            f"<div><p>{marked(answer, found['mentions'])}</p><small>{why(found['mentions'])}</small></div></li>"
        )
    intro = "Descriptions by toybox-vlm as shipped. Struck through: not in the picture. Below each: the habit that explains it."
    title = "Hallucinations with a face"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"<h1>{title}</h1><p>{intro}</p><ol>\n" + "\n".join(items) + "\n</ol></html>\n"
    )


def run_report(settings: Settings, world: World, work: Path) -> dict:
    """Stage 10: fills models/README.md and models/hallucinations.html (a smoke run writes them into its work folder)."""
    record = json.loads((work / "evaluate.record.json").read_text())
    record["before_bias"] = json.loads((work / "before.record.json").read_text())["vlm"]
    target = MODELS if settings.publish else work
    text = README.read_text()
    text = fill(text, "bars", bars(record))
    text = fill(text, "details", details(record))
    text = fill(text, "stages", stages(work, settings))
    text = fill(text, "facts", facts(work, settings))
    (target / "README.md").write_text(text)
    answers = json.loads((work / "answers.json").read_text())["describe"]
    examiner = Examiner(work, settings.evaluation_scenes)
    (target / "hallucinations.html").write_text(hallucinations_page(examiner, world, answers))
    return {"stage": "report"}
