"""The pictures, captions, labels and boxes, joined by COCO id, and who is held out.

The data lie outside the repository: `--data FOLDER` or MARGIN_PHOTO_DATA names the folder that holds `photo-data`
(tars, captions, labels, detections) and `photos` (the 32 photographs that are never trained on).
"""
import json
import random
import re
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,parking meter,"
    "bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee,"
    "skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,"
    "cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,"
    "potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,"
    "refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush"
).split(",")
CLASS_ID = {name: index for index, name in enumerate(CLASSES)}

TARS = ("coco-train2014-256.tar", "coco-val2014-256.tar", "coco-captioned-320.tar")
#: Split: (captioned, only labelled). The test pictures are never looked at before the evaluation; dev guides the work.
SIZES = {"test": (320, 230), "dev": (80, 120)}


def image_id(name: str) -> int | None:
    found = re.search(r"(\d{12})\.", name)
    return int(found.group(1)) if found else None


def read_json(path: Path):
    return json.loads(path.read_text())


def unpack(folder: Path, work: Path) -> dict[int, Path]:
    """Picture files by id; of two files of one picture the first tar's."""
    target = work / "pictures"
    if not (target / "done").exists():
        for name in TARS:
            with tarfile.open(folder / "photo-data" / name) as tar:
                tar.extractall(target / name.removesuffix(".tar"), filter="data")
        (target / "done").touch()
    found = {}
    for name in TARS:
        for path in sorted((target / name.removesuffix(".tar")).rglob("*.jpg")):
            found.setdefault(image_id(path.name), path)
    return found


def all_captions(data: Path) -> dict[int, list[str]]:
    captions: dict[int, list[str]] = {}

    def add(key: int, texts) -> None:
        kept = captions.setdefault(key, [])
        known = {plain(text) for text in kept}
        for text in texts:
            if plain(text) not in known:
                known.add(plain(text))
                kept.append(text.strip())

    for note in read_json(data / "captions_val2017.json")["annotations"]:
        add(note["image_id"], [note["caption"]])
    for name, entry in read_json(data / "coco-captioned.json").items():
        add(image_id(name), entry["captions"])
    for key, texts in read_json(data / "more/captions_more.json").items():
        add(int(key), texts)
    return captions


def plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))


def prepare(folder: Path, work: Path, seed: int, sizes: dict = SIZES) -> dict:
    """Writes `pictures.json` (with pictures) and `texts.json` (labels and captions without one)."""
    data = folder / "photo-data"
    shared = {image_id(entry["file"]) for entry in read_json(folder / "photos/manifest.json")} - {None}
    files = unpack(folder, work)
    captions = all_captions(data)
    labels = {int(key): names for key, names in read_json(data / "more/labels_more.json").items()}
    seen = {image_id(name): boxes for name, boxes in read_json(data / "detections.json").items()}
    pictures = []
    for key in sorted(files):
        if key in shared:
            continue
        pictures.append(
            dict(
                id=key,
                path=str(files[key].relative_to(work)),
                captions=captions.get(key, []),
                labels=[CLASS_ID[name] for name in labels[key] if name in CLASS_ID] if key in labels else None,
                boxes=seen.get(key),
                split="train",
            )
        )
    rng = random.Random(seed)
    order = rng.sample(range(len(pictures)), len(pictures))
    captioned = [i for i in order if pictures[i]["labels"] and len(pictures[i]["captions"]) >= 4]
    labelled = [i for i in order if pictures[i]["labels"] and not pictures[i]["captions"]]
    for kind in ("test", "dev"):
        for pool, number in zip((captioned, labelled), sizes[kind]):
            for index in pool[:number]:
                pictures[index]["split"] = kind
            del pool[:number]
    away = shared | {p["id"] for p in pictures if p["split"] != "train"}
    texts = [
        dict(id=key, labels=[CLASS_ID[name] for name in labels[key] if name in CLASS_ID], captions=captions[key])
        for key in sorted(captions)
        if key in labels and key not in away
    ]
    texts += [dict(id=k, labels=None, captions=captions[k]) for k in sorted(captions) if k not in labels and k not in away]
    (work / "pictures.json").write_text(json.dumps(pictures))
    (work / "texts.json").write_text(json.dumps(texts))
    count = lambda kind: [
        sum(p["split"] == kind for p in pictures),
        sum(p["split"] == kind and bool(p["captions"]) for p in pictures),
    ]
    return {kind: count(kind) for kind in ("train", "dev", "test")} | {"texts": len(texts)}


#: How a picture is looked at: 0 as it is, 1 mirrored, 2 a random part of it.
VIEWS = 3


def view_window(key: int, view: int) -> tuple[float, float, float, float, bool]:
    """(left, top, right, bottom) as shares of the picture, and whether it is mirrored."""
    if view < 2:
        return 0.0, 0.0, 1.0, 1.0, view == 1
    rng = random.Random(int(key) * 31 + int(view))
    width, height = rng.uniform(0.72, 0.98), rng.uniform(0.72, 0.98)
    left, top = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    return left, top, left + width, top + height, view % 2 == 1


def view_pixels(path: Path, key: int, view: int, size: int) -> np.ndarray:
    """uint8 [3, size, size] of one view: squashed to the square, bicubic."""
    left, top, right, bottom, mirrored = view_window(key, view)
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    if view >= 2:
        w, h = image.size
        image = image.crop((round(left * w), round(top * h), round(right * w), round(bottom * h)))
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BICUBIC)
    if mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(image).transpose(2, 0, 1).copy()


def view_boxes(boxes: list, key: int, view: int) -> list:
    """Boxes [class, score, x1, y1, x2, y2] in the view's own coordinates; those mostly outside are dropped."""
    left, top, right, bottom, mirrored = view_window(key, view)
    found = []
    for kind, score, x1, y1, x2, y2 in boxes:
        u1, u2 = ((x - left) / (right - left) for x in (x1, x2))
        v1, v2 = ((y - top) / (bottom - top) for y in (y1, y2))
        c1, c2, d1, d2 = (min(1.0, max(0.0, value)) for value in (u1, u2, v1, v2))
        area = max(1e-6, (u2 - u1) * (v2 - v1))
        if (c2 - c1) * (d2 - d1) < 0.4 * area:
            continue
        found.append([kind, score, *((1 - c2, d1, 1 - c1, d2) if mirrored else (c1, d1, c2, d2))])
    return found
