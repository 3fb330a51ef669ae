"""The detector as a judge: its best score per class, calibrated on true labels, and the threshold of "not seen"."""
import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
from PIL import Image

from photo import detector, language
from photo.data import CLASSES

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
OTHERS = 1300
CONFIRM = 0.955


def outputs(session: ort.InferenceSession, path: Path, mirrored: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Scores [3549, 80] and boxes [3549, 4] of one picture, squashed to the detector's square."""
    with Image.open(path) as opened:
        image = opened.convert("RGB").resize((detector.SIDE, detector.SIDE), Image.Resampling.BILINEAR)
    x = (np.asarray(image, np.float32) / 255 - MEAN) / STD
    x = x[:, ::-1] if mirrored else x
    scores, boxes = session.run(["scores", "boxes"], {"pixel_values": np.ascontiguousarray(x.transpose(2, 0, 1)[None], np.float32)})
    return scores[0], boxes[0]


def best_scores(session: ort.InferenceSession, path: Path) -> np.ndarray:
    """Best score of each class in one picture and in its mirror image: [2, 80]."""
    return np.stack([outputs(session, path, mirrored)[0].max(0) for mirrored in (False, True)])


def distinct(boxes: np.ndarray, scores: np.ndarray, least: float = 0.35, same: float = 0.5, most: int = 20) -> list[int]:
    """Places of the boxes that are shown, best first: non-maximum suppression within one class."""
    area = (boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1)
    kept: list[int] = []
    for at in np.argsort(-scores, kind="stable"):
        if scores[at] < least or len(kept) == most:
            break
        shared = (np.minimum(boxes[at, 2:], boxes[kept, 2:]) - np.maximum(boxes[at, :2], boxes[kept, :2])).clip(0).prod(1)
        if (shared <= same * (area[at] + area[kept] - shared)).all():
            kept.append(int(at))
    return kept


def session_of(path: Path, threads: int = 1) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def chosen(pictures: list) -> list[int]:
    """Every captioned picture and some labelled ones to learn from, and all that are held out."""
    others = [i for i, p in enumerate(pictures) if p["split"] == "train" and not p["captions"] and p["labels"]]
    return [i for i, p in enumerate(pictures) if p["split"] != "train" or p["captions"]] + others[:OTHERS]


def look(work: Path, model: Path) -> dict:
    """`judge.npz`: rows of best scores and the pictures they belong to; resumable."""
    pictures = json.loads((work / "pictures.json").read_text())
    rows, path = chosen(pictures), work / "judge.npz"
    found = list(np.load(path)["scores"]) if path.exists() else []
    session = session_of(model)
    for at in range(len(found), len(rows)):
        found.append(best_scores(session, work / pictures[rows[at]]["path"]))
        if at % 200 == 199 or at + 1 == len(rows):
            np.savez(work / "judge.tmp.npz", scores=np.array(found, np.float32), rows=np.array(rows[: at + 1]))
            (work / "judge.tmp.npz").replace(path)
            print(f"[judge] {at + 1} of {len(rows)}", flush=True)
    return {"pictures": len(rows)}


def logit(p):
    p = np.clip(p, 1e-4, 1 - 1e-4)
    return np.log(p / (1 - p))


def evidence(scores: np.ndarray) -> np.ndarray:
    """Log-odds of each class from best scores [.., 2, 80]: the mean over the picture and its mirror image."""
    return logit(scores).mean(-2)


def chances(scores: np.ndarray, calibration: dict) -> np.ndarray:
    """Calibrated chance of each class at even odds, from best scores [.., 2, 80]."""
    return 1 / (1 + np.exp(-(np.array(calibration["slope"]) * evidence(scores) + np.array(calibration["offset"]))))


def fit_class(x: np.ndarray, y: np.ndarray, prior: tuple[float, float], strength: float = 4.0) -> tuple[float, float]:
    """Logistic regression y ~ a x + b with a Gaussian prior around `prior`: Newton's method."""
    w = np.array(prior)
    design = np.stack([x, np.ones_like(x)], 1)
    for _ in range(30):
        p = 1 / (1 + np.exp(-design @ w))
        gradient = design.T @ (p - y) + strength * (w - prior)
        hessian = (design * (p * (1 - p))[:, None]).T @ design + strength * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        w = w - step
        if np.abs(step).max() < 1e-6:
            break
    return float(w[0]), float(w[1])


def truth_of(picture: dict) -> set[int]:
    """CHAIR's truth: labels and what the captions name."""
    return set(picture["labels"] or []) | {c for caption in picture["captions"] for c in language.mentions(caption)}


def named_by(picture: dict) -> dict[int, int]:
    count: dict[int, int] = {}
    for caption in picture["captions"]:
        for kind in set(language.mentions(caption)):
            count[kind] = count.get(kind, 0) + 1
    return count


def told_about(pictures: list, rows) -> list:
    """(row, picture) of the labelled pictures that four or more captions tell of."""
    return [(at, pictures[i]) for at, i in enumerate(rows) if len(pictures[i]["captions"]) >= 4 and pictures[i]["labels"]]


def cases(told: list, seed: int) -> tuple[list, list]:
    """(row, class) that three or more people wrote, and (row, class) written about another picture and not true here."""
    rng = np.random.default_rng(seed)
    agreed, swapped = [], []
    for at, picture in told:
        agreed += [(at, kind) for kind, number in named_by(picture).items() if number >= 3]
        for _ in range(3):
            other = told[rng.integers(len(told))][1]
            swapped += [(at, kind) for kind in named_by(other) if kind not in truth_of(picture)]
    return agreed, swapped


def calibrate(work: Path) -> dict:
    """Per class (a, b) of p = sigmoid(a logit(score) + b), and the p below which a noun counts as not seen.

    p is the chance at even odds: how common a class is has been taken out again, because a noun that a text names is
    no random class. With it, "person" would pass in almost every picture.
    """
    pictures = json.loads((work / "pictures.json").read_text())
    kept = np.load(work / "judge.npz")
    rows, scores = kept["rows"], kept["scores"]
    learn = np.array([at for at, i in enumerate(rows) if pictures[i]["split"] == "train" and pictures[i]["labels"]])
    x = evidence(scores[learn])
    y = np.zeros_like(x)
    for row, at in zip(y, learn):
        row[sorted(truth_of(pictures[rows[at]]))] = 1
    prior = fit_class(x.ravel(), y.ravel(), (1.0, 0.0))
    fits = [fit_class(x[:, c], y[:, c], prior) for c in range(len(CLASSES))]
    a, b = (np.array(column) for column in zip(*fits))
    b = b - logit(y.mean(0))
    chance = chances(scores, {"slope": a, "offset": b})
    train = [i if pictures[i]["split"] == "train" else -1 for i in rows]
    inside = np.array([at for at, i in enumerate(train) if i >= 0])
    agreed, _ = cases(told_about(pictures, rows[inside]), 1)
    threshold = float(np.quantile([chance[inside[at], kind] for at, kind in agreed], 1 - CONFIRM))
    result = {"slope": a.round(4).tolist(), "offset": b.round(4).tolist(), "threshold": round(threshold, 4)}
    (work / "calibration.json").write_text(json.dumps(result))
    return {"threshold": threshold, "learnt_from": len(learn), **judged(pictures, rows, chance, threshold, "dev")}


def judged(pictures: list, rows, chance: np.ndarray, threshold: float, split: str) -> dict:
    inside = np.array([at for at, i in enumerate(rows) if pictures[i]["split"] == split])
    told = told_about(pictures, rows[inside])
    agreed, swapped = cases(told, 2)
    flags = lambda pairs: float(np.mean([chance[inside[at], kind] < threshold for at, kind in pairs]))
    return {
        "pictures": len(told),
        "agreed": len(agreed),
        "flagged_agreed": flags(agreed),
        "swapped": len(swapped),
        "flagged_swapped": flags(swapped),
    }
