"""Writes the frozen towers as ONNX graphs of plain operators.

Built by hand and not traced, for three reasons: weights are stored as f16 and
cast to f32 where they are used (half the download, full precision, and no need
for `shader-f16`); only operators that ONNX Runtime Web has on WebGPU appear; and
the graph reads like the model.
"""
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


class Graph:
    """A growing list of nodes; every method returns the name of its result."""

    def __init__(self):
        self.nodes, self.initializers, self.casts, self.count = [], [], {}, 0

    def op(self, kind: str, *inputs: str, name: str | None = None, **attributes) -> str:
        self.count += 1
        result = name or f"{kind.lower()}_{self.count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [result], name=f"node_{self.count}", **attributes))
        return result

    def constant(self, value: np.ndarray) -> str:
        """A small exact constant (shapes, masks, scalars)."""
        self.count += 1
        name = f"constant_{self.count}"
        self.initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def scalar(self, value: float) -> str:
        return self.constant(np.array(value, np.float32))

    def weight(self, name: str, value: torch.Tensor) -> str:
        """A trained tensor: stored as f16, computed with as f32."""
        if name not in self.casts:
            half = np.ascontiguousarray(value.detach().to(torch.float16).numpy())
            self.initializers.append(numpy_helper.from_array(half, f"{name}.f16"))
            self.casts[name] = self.op("Cast", f"{name}.f16", to=TensorProto.FLOAT)
        return self.casts[name]

    def reshape(self, x: str, *shape: int) -> str:
        """0 keeps a dimension, -1 is worked out: so the batch stays free."""
        return self.op("Reshape", x, self.constant(np.array(shape, np.int64)))

    def linear(self, x: str, name: str, layer: torch.nn.Linear) -> str:
        product = self.op("MatMul", x, self.weight(f"{name}.weight", layer.weight.T))
        return product if layer.bias is None else self.op("Add", product, self.weight(f"{name}.bias", layer.bias))

    def layer_norm(self, x: str, name: str, layer: torch.nn.LayerNorm) -> str:
        scale, shift = self.weight(f"{name}.weight", layer.weight), self.weight(f"{name}.bias", layer.bias)
        return self.op("LayerNormalization", x, scale, shift, axis=-1, epsilon=layer.eps)

    def gelu_tanh(self, x: str) -> str:
        """0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))"""
        cube = self.op("Mul", self.op("Mul", x, x), x)
        inner = self.op("Add", x, self.op("Mul", cube, self.scalar(0.044715)))
        tanh = self.op("Tanh", self.op("Mul", inner, self.scalar(np.sqrt(2 / np.pi))))
        return self.op("Mul", self.op("Mul", x, self.scalar(0.5)), self.op("Add", tanh, self.scalar(1.0)))

    def attention(self, x: str, name: str, layer, heads: int, mask: str | None) -> str:
        """Multi-head self-attention; `mask` is added to the scores."""
        width = layer.q_proj.in_features
        split = lambda y, order: self.op("Transpose", self.reshape(y, 0, -1, heads, width // heads), perm=order)
        query = split(self.linear(x, f"{name}.q_proj", layer.q_proj), [0, 2, 1, 3])
        key = split(self.linear(x, f"{name}.k_proj", layer.k_proj), [0, 2, 3, 1])
        value = split(self.linear(x, f"{name}.v_proj", layer.v_proj), [0, 2, 1, 3])
        scores = self.op("Mul", self.op("MatMul", query, key), self.scalar((width // heads) ** -0.5))
        if mask:
            scores = self.op("Add", scores, mask)
        mixed = self.op("MatMul", self.op("Softmax", scores, axis=-1), value)
        joined = self.reshape(self.op("Transpose", mixed, perm=[0, 2, 1, 3]), 0, -1, width)
        return self.linear(joined, f"{name}.out_proj", layer.out_proj)

    def block(self, x: str, name: str, layer, heads: int, mask: str | None = None) -> str:
        """One pre-norm transformer block, as SigLIP and CLIP have it."""
        normed = self.layer_norm(x, f"{name}.layer_norm1", layer.layer_norm1)
        x = self.op("Add", x, self.attention(normed, f"{name}.self_attn", layer.self_attn, heads, mask))
        normed = self.layer_norm(x, f"{name}.layer_norm2", layer.layer_norm2)
        inner = self.gelu_tanh(self.linear(normed, f"{name}.mlp.fc1", layer.mlp.fc1))
        return self.op("Add", x, self.linear(inner, f"{name}.mlp.fc2", layer.mlp.fc2))

    def patches(self, pixels: str, name: str, convolution: torch.nn.Conv2d) -> str:
        """Pixels [batch, 3, h, w] to patch embeddings [batch, patches, width]."""
        size = convolution.kernel_size[0]
        inputs = [pixels, self.weight(f"{name}.weight", convolution.weight)]
        if convolution.bias is not None:
            inputs.append(self.weight(f"{name}.bias", convolution.bias))
        grid = self.op("Conv", *inputs, kernel_shape=[size, size], strides=[size, size])
        return self.op("Transpose", self.reshape(grid, 0, convolution.out_channels, -1), perm=[0, 2, 1])

    def save(self, path: Path, inputs, outputs) -> None:
        graph = helper.make_graph(self.nodes, path.stem, inputs, outputs, self.initializers)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=8, producer_name="margin-recipe")
        onnx.checker.check_model(model, full_check=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, str(path))


def _floats(name: str, shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def vlm_vision_encoder(vlm, path: Path) -> None:
    """Tower and connector: pixel_values [batch, 3, 128, 128] to image_features [batch, 16, hidden]."""
    tower, connector = vlm.model.vision_model, vlm.model.connector
    config, factor = tower.config, connector.scale_factor
    side, width = config.image_size // config.patch_size, config.hidden_size
    g = Graph()
    x = g.patches("pixel_values", "patch_embedding", tower.embeddings.patch_embedding)
    x = g.op("Add", x, g.weight("position_embedding", tower.embeddings.position_embedding.weight))
    for index, layer in enumerate(tower.encoder.layers):
        x = g.block(x, f"layers.{index}", layer, config.num_attention_heads)
    x = g.layer_norm(x, "post_layernorm", tower.post_layernorm)
    # Pixel shuffle: each factor x factor square of patches becomes one longer vector.
    x = g.reshape(x, 0, side, side // factor, width * factor)
    x = g.op("Transpose", x, perm=[0, 2, 1, 3])
    x = g.reshape(x, 0, side // factor, side // factor, width * factor**2)
    x = g.op("Transpose", x, perm=[0, 2, 1, 3])
    x = g.reshape(x, 0, (side // factor) ** 2, width * factor**2)
    projection = connector.modality_projection.proj
    g.op("MatMul", x, g.weight("projection.weight", projection.weight.T), name="image_features")
    pixels = _floats("pixel_values", ["batch", 3, config.image_size, config.image_size])
    tokens = (side // factor) ** 2
    g.save(path, [pixels], [_floats("image_features", ["batch", tokens, projection.out_features])])


def clip_vision_model(clip, path: Path) -> None:
    """Image tower and projection: pixel_values [batch, 3, h, w] to image_embeds [batch, projection]."""
    tower = clip.vision_model
    config, embeddings = tower.config, tower.embeddings
    g = Graph()
    x = g.patches("pixel_values", "patch_embedding", embeddings.patch_embedding)
    # The class token stands in front: an empty place there, filled by adding a table that is zero elsewhere.
    x = g.op("Pad", x, g.constant(np.array([0, 1, 0, 0, 0, 0], np.int64)))
    patch_count = (config.image_size // config.patch_size) ** 2
    token = g.weight("class_embedding", embeddings.class_embedding[None])
    table = g.op("Pad", token, g.constant(np.array([0, 0, patch_count, 0], np.int64)))
    positions = g.weight("position_embedding", embeddings.position_embedding.weight)
    x = g.op("Add", x, g.op("Add", positions, table))
    x = g.layer_norm(x, "pre_layrnorm", tower.pre_layrnorm)
    for index, layer in enumerate(tower.encoder.layers):
        x = g.block(x, f"layers.{index}", layer, config.num_attention_heads)
    first = g.op("Gather", x, g.constant(np.array(0, np.int64)), axis=1)
    pooled = g.layer_norm(first, "post_layernorm", tower.post_layernorm)
    g.op("MatMul", pooled, g.weight("visual_projection", clip.visual_projection.weight.T), name="image_embeds")
    pixels = _floats("pixel_values", ["batch", 3, config.image_size, config.image_size])
    g.save(path, [pixels], [_floats("image_embeds", ["batch", clip.visual_projection.out_features])])


def clip_text_model(clip, path: Path) -> None:
    """Text tower and projection: input_ids [batch, sequence] to text_embeds [batch, projection].

    No attention mask is needed: attention is causal and the text is read at its first end token.
    """
    tower, config = clip.text_model, clip.text_model.config
    longest = config.max_position_embeddings
    g = Graph()
    zero, one, two = (g.constant(np.array([value], np.int64)) for value in range(3))
    length = g.op("Slice", g.op("Shape", "input_ids"), one, two)
    cut = lambda table, axis: g.op("Slice", table, zero, length, (zero, one)[axis])
    x = g.op("Gather", g.weight("token_embedding", tower.embeddings.token_embedding.weight), "input_ids")
    x = g.op("Add", x, cut(g.weight("position_embedding", tower.embeddings.position_embedding.weight), 0))
    upper = np.triu(np.ones((longest, longest), np.float32), 1)
    mask = cut(cut(g.constant(upper * np.float32(-1e4)), 0), 1)
    for index, layer in enumerate(tower.encoder.layers):
        x = g.block(x, f"layers.{index}", layer, config.num_attention_heads, mask)
    x = g.layer_norm(x, "final_layer_norm", tower.final_layer_norm)
    # 1 at the first end token, 0 elsewhere; a product with the hidden states then picks that place.
    end_id = g.constant(np.array(config.eos_token_id, np.int64))
    is_end = g.op("Cast", g.op("Equal", "input_ids", end_id), to=TensorProto.FLOAT)
    ends_before = g.op("MatMul", is_end, cut(cut(g.constant(upper), 0), 1))
    first_end = g.op("Mul", is_end, g.op("Relu", g.op("Sub", g.scalar(1.0), ends_before)))
    picked = g.op("MatMul", g.op("Unsqueeze", first_end, one), x)
    pooled = g.op("Squeeze", picked, one)
    g.op("MatMul", pooled, g.weight("text_projection", clip.text_projection.weight.T), name="text_embeds")
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"])
    g.save(path, [ids], [_floats("text_embeds", ["batch", clip.text_projection.out_features])])
