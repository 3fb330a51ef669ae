"""Makes the photographs that the page brings along, and how often their classes stand together in COCO's labels.

Run by hand, once: `python -m photo.pictures FOLDER` in models/recipe, FOLDER as for `make.py`. Needs Pillow and numpy.
Which photographs, and their credits, is said in src/photographs/pictures.ts.
"""
import re
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from photo.data import CLASS_ID, CLASSES, image_id, read_json

SOURCE = Path(__file__).parents[3] / "src/photographs"
LONGER_SIDE = 448
QUALITY = 82


def scale(folder: Path) -> None:
    """`samples/*.jpg` and `held-out/*.jpg` that pictures.ts lists, without EXIF."""
    listed = (SOURCE / "pictures.ts").read_text()
    for part, block in re.findall(r"'(samples|held-out)',\s*`\n(.*?)`", listed, re.S):
        (SOURCE / part).mkdir(exist_ok=True)
        for number in re.findall(r"^ *(\d{12}) ", block, re.M):
            picture = ImageOps.exif_transpose(Image.open(folder / f"{number}.jpg")).convert("RGB")
            picture.thumbnail((LONGER_SIDE, LONGER_SIDE), Image.Resampling.LANCZOS)
            picture.save(SOURCE / part / f"{number}.jpg", quality=QUALITY, optimize=True, progressive=True)


def together(folder: Path) -> str:
    """A line for each class: in how many of the labelled pictures it stands, and with each of the later classes."""
    held = {image_id(entry["file"]) for entry in read_json(folder / "photos/manifest.json")}
    labels = read_json(folder / "photo-data/more/labels_more.json")
    kept = [set(names) & set(CLASS_ID) for key, names in labels.items() if int(key) not in held]
    rows = np.zeros((len(kept), len(CLASSES)), np.float32)
    for row, names in zip(rows, kept):
        row[[CLASS_ID[name] for name in names]] = 1
    counts = (rows.T @ rows).astype(int)
    print(len(kept), "labelled pictures")
    return "\n".join(" ".join(map(str, counts[i, i:])) for i in range(len(CLASSES)))


if __name__ == "__main__":
    data = Path(sys.argv[1])
    scale(data / "photos")
    table = SOURCE / "together.ts"
    text = re.sub(r"(TABLE = `\n).*?(\n`)", lambda found: found[1] + together(data) + found[2], table.read_text(), flags=re.S)
    table.write_text(text)
