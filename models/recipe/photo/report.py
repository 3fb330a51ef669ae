"""Writes what was measured on photographs into models/README.md, between its markers."""
import json
import re
from pathlib import Path


def percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def table(header: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, ["---"] * len(header), *rows])


def verdict(value: float, low: float, high: float = 1.0) -> str:
    if low <= value <= high:
        return "reached"
    return f"missed by {percent(low - value if value < low else value - high)}"


def bars(found: dict) -> str:
    chair, shuffled, pope = found["chair"], found["shuffled"], found["pope"]
    score, judge = found["scorer"], found["judge"]["test"]
    row = lambda name, bar, value, base, low, high=1.0: [name, bar, percent(value), base, verdict(value, low, high)]
    accuracy = lambda setting: pope[setting]["accuracy"]
    rows = [
        row("CHAIR-i over the 80 classes", "12 to 30 %", chair["chair_i"], percent(shuffled["chair_i"]), 0.12, 0.30),
        row("cover", "≥ 45 %", chair["cover"], percent(shuffled["cover"]), 0.45),
        row("nouns of two or more annotators that the description has", "≥ 60 %", found["nouns"]["agreed_recall"], percent(found["nouns_shuffled"]["agreed_recall"]), 0.60),
        row("POPE random", "≥ 85 %", accuracy("random"), "50 %", 0.85),
        row("POPE popular", "≥ 72 %", accuracy("popular"), "50 %", 0.72),
        row("POPE adversarial", "≥ 68 %", accuracy("adversarial"), "50 %", 0.68),
        row("scorer: true caption above a random one", "≥ 95 %", score["above_random"], "50 %", 0.95),
        row("scorer: true caption first of 100", "≥ 40 %", score["first_of_100"], "1 %", 0.40),
        row("scorer: true caption above one with a noun swapped", "≥ 85 %", score["above_swapped"], "50 %", 0.85),
        row("detector flags a noun that three or more people wrote", "≤ 5 %", judge["flagged_agreed"], "", 0.0, 0.05),
        row("detector flags a noun of another picture", "≥ 88 %", judge["flagged_swapped"], "", 0.88),
    ]
    return table(["measure", "bar", "measured", "captions shuffled, or chance", ""], rows)


def facts(work: Path, found: dict) -> str:
    record = lambda name: json.loads((work / f"{name}.record.json").read_text())
    prepare, export, corpus = record("prepare"), record("export"), record("corpus")
    sizes = export["bytes"]
    lines = [
        f"- Pictures: {prepare['train'][0]} to learn from ({prepare['train'][1]} with captions), {prepare['dev'][0]} to steer by, {prepare['test'][0]} held out ({prepare['test'][1]} with captions); texts without a picture: {corpus['texts']}.",
        f"- CHAIR on {found['pictures']} pictures, greedy, question \"Describe the image.\": CHAIR-s {percent(found['chair']['chair_s'])}, {found['chair']['mentions']:.1f} mentions a description; of all its nouns {percent(found['nouns']['nouns_right'])} are used by an annotator.",
        f"- At temperature 0.7, 100 pictures: CHAIR-i {percent(found['chair_sampled']['chair_i'])}, cover {percent(found['chair_sampled']['cover'])}.",
        f"- \"How many …?\" against the detector's boxes (1 to 4): {percent(found['counts']['right'])} of {found['counts']['questions']} (always \"one\": {percent(found['counts']['always_one'])}). \"Where is the …?\": {percent(found['places']['right'])} of {found['places']['questions']} (always the commonest place: {percent(found['places']['always_the_commonest'])}).",
        f"- POPE answers yes: random {percent(found['pope']['random']['yes'])}, popular {percent(found['pope']['popular']['yes'])}, adversarial {percent(found['pope']['adversarial']['yes'])}.",
        f"- Detector on the shared photographs: flags {percent(found['judge']['photos']['flagged_agreed'])} of {found['judge']['photos']['agreed']} agreed nouns and {percent(found['judge']['photos']['flagged_swapped'])} of {found['judge']['photos']['swapped']} swapped ones." if "photos" in found["judge"] else "",
        f"- Size: {', '.join(f'{name} {size / 1e6:.1f} MB' for name, size in sizes.items())}; together {sum(sizes.values()) / 1e6:.1f} MB.",
        f"- Largest difference between ONNX Runtime and PyTorch: {', '.join(f'{name} {value:.0e}' for name, value in export['onnx_against_pytorch'].items())}.",
    ]
    return "\n".join(line for line in lines if line)


def photographs(work: Path) -> str:
    answers = json.loads((work / "answers.json").read_text())["photos"]
    return table(["photograph", "\"Describe the image.\""], [[name, text] for name, text in answers.items()])


def put(text: str, marker: str, value: str) -> str:
    """The text with what stands between the markers replaced; without just one pair of them, an error."""
    filled = f"<!-- {marker} -->\n{value}\n<!-- /{marker} -->"
    found, places = re.subn(rf"<!-- {marker} -->.*?<!-- /{marker} -->", lambda _: filled, text, flags=re.S)
    if places != 1:
        raise SystemExit(f"{places} places for {marker} in the report's text; there must be one.")
    return found


def run(work: Path, readme: Path) -> dict:
    found = json.loads((work / "evaluate.record.json").read_text())
    markers = ("photo-bars", "photo-facts", "photo-photographs")
    text = readme.read_text() if readme.exists() else "".join(f"<!-- {m} --><!-- /{m} -->\n" for m in markers)
    for marker, value in zip(markers, (bars(found), facts(work, found), photographs(work))):
        text = put(text, marker, value)
    readme.write_text(text)
    return {}
