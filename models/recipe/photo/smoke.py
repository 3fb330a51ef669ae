"""A dozen pictures with labels and captions for a smoke run: parts of the photographs in tests/golden/photo."""
import io
import json
import tarfile
from pathlib import Path

from PIL import Image

from photo.data import TARS

GOLDEN = Path(__file__).resolve().parents[3] / "tests/golden/photo"
SIZES = {"test": (4, 0), "dev": (2, 0)}
COPIES = 4


def make_data(folder: Path) -> Path:
    """Lays out `photo-data` and `photos` as the recipe reads them."""
    data, photos = folder / "photo-data", folder / "photos"
    (data / "more").mkdir(parents=True, exist_ok=True)
    photos.mkdir(exist_ok=True)
    entries = json.loads((GOLDEN / "photos.json").read_text())
    labels, captions, seen, key = {}, {}, {}, 900_000
    with tarfile.open(data / TARS[0], "w") as tar:
        for entry in entries:
            image = Image.open(GOLDEN / entry["file"]).convert("RGB")
            for copy in range(COPIES):
                key += 1
                edge = 10 * copy
                part = image.crop((edge, edge, image.width - edge, image.height - edge)).resize((256, 256))
                held = io.BytesIO()
                part.save(held, "JPEG")
                name = f"COCO_train2014_{key:012d}.jpg"
                info = tarfile.TarInfo(name)
                info.size = held.tell()
                held.seek(0)
                tar.addfile(info, held)
                labels[str(key)], captions[str(key)] = entry["labels"], entry["captions"]
                seen[name] = entry["boxes"]
                labels[str(key + 5000)], captions[str(key + 5000)] = entry["labels"], entry["captions"]
    for name in TARS[1:]:
        tarfile.open(data / name, "w").close()
    write = lambda path, value: path.write_text(json.dumps(value))
    write(data / "captions_val2017.json", {"annotations": []})
    write(data / "coco-captioned.json", {})
    write(data / "more/captions_more.json", captions)
    write(data / "more/labels_more.json", labels)
    write(data / "detections.json", seen)
    write(photos / "manifest.json", [{"file": entry["file"], "captions": entry["captions"]} for entry in entries])
    for entry in entries:
        (photos / entry["file"]).write_bytes((GOLDEN / entry["file"]).read_bytes())
    return folder
