#!/usr/bin/env python3
"""Writes TorchScript traces of well-known networks, for traces_test.cc to import, quantize and export.

  python3 tests/traces/write_traces.py --output_dir=traces        # all; takes a few minutes and about 1 GB
  python3 tests/traces/write_traces.py --output_dir=traces resnet18 swin_t

Needs torch and torchvision (Debian: python3-torchvision). Weights are random, from a seed; batch norms get the statistics
of a few random batches, so that activations have the magnitudes of a trained network. Beside NAME.pt stands NAME.json
with the shapes and dtypes of the inputs.
"""

import argparse
import json
import math
import os

import torch
import torchvision
from torch import nn
from torch.nn import functional

# Side of the square input images: what the network needs at least, or what its paper uses where that is cheap.
TORCHVISION = {
    "alexnet": 96,
    "vgg11_bn": 64,
    "resnet18": 64,
    "resnext50_32x4d": 64,
    "densenet121": 64,
    "squeezenet1_1": 64,
    "googlenet": 96,
    "inception_v3": 299,
    "mobilenet_v2": 64,
    "mobilenet_v3_small": 64,
    "efficientnet_b0": 64,
    "efficientnet_v2_s": 64,
    "regnet_y_400mf": 64,
    "shufflenet_v2_x0_5": 64,
    "mnasnet0_5": 64,
    "convnext_tiny": 64,
    "vit_b_32": 224,
    "swin_t": 112,
}

VOCABULARY, WIDTH, HEADS, LAYERS, POSITIONS = 200, 64, 4, 2, 32


class Attention(nn.Module):
    """Attention as BERT's and GPT's reference code writes it, with a mask that is added or filled in."""

    def __init__(self, causal):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.dropout = nn.Dropout(0.1)
        self.causal = causal
        self.register_buffer("bias", torch.tril(torch.ones(POSITIONS, POSITIONS)).view(1, 1, POSITIONS, POSITIONS))

    def split(self, x):
        return x.view(x.size(0), x.size(1), HEADS, WIDTH // HEADS).permute(0, 2, 1, 3)

    def forward(self, x, mask):
        q, k, v = (self.split(each) for each in self.qkv(x).split(WIDTH, dim=2))
        scores = torch.matmul(q, k.transpose(-1, -2)) / math.sqrt(WIDTH // HEADS)
        if self.causal:
            length = x.size(1)
            visible = self.bias[:, :, :length, :length] == 1
            scores = torch.where(visible, scores, torch.full([], torch.finfo(scores.dtype).min))
        if mask is not None:
            scores = scores + mask
        weights = self.dropout(functional.softmax(scores, dim=-1))
        y = torch.matmul(weights, v).permute(0, 2, 1, 3).contiguous()
        return self.out(y.view(y.size(0), y.size(1), WIDTH))


class Block(nn.Module):
    def __init__(self, causal):
        super().__init__()
        self.causal = causal
        self.attention = Attention(causal)
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def mlp(self, x):
        if not self.causal:
            return self.down(functional.gelu(self.up(x)))
        x = self.up(x)  # GPT-2's gelu, written out as its reference code does
        return self.down(0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0)))))

    def forward(self, x, mask):
        if self.causal:  # norm first, as GPT-2
            x = x + self.attention(self.norm1(x), mask)
            return x + self.mlp(self.norm2(x))
        x = self.norm1(x + self.attention(x, mask))
        return self.norm2(x + self.mlp(x))


class Bert(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, WIDTH, padding_idx=0)
        self.positions = nn.Embedding(POSITIONS, WIDTH)
        self.types = nn.Embedding(2, WIDTH)
        self.register_buffer("position_ids", torch.arange(POSITIONS).expand((1, -1)))
        self.norm = nn.LayerNorm(WIDTH)
        self.blocks = nn.ModuleList(Block(causal=False) for _ in range(LAYERS))
        self.pooler = nn.Linear(WIDTH, WIDTH)
        self.classifier = nn.Linear(WIDTH, 3)

    def forward(self, ids, attention_mask):
        types = torch.zeros_like(ids)
        x = self.words(ids) + self.types(types) + self.positions(self.position_ids[:, : ids.size(1)])
        mask = attention_mask[:, None, None, :].to(dtype=x.dtype)
        mask = (1.0 - mask) * -10000.0
        x = self.norm(x)
        for block in self.blocks:
            x = block(x, mask)
        return self.classifier(torch.tanh(self.pooler(x[:, 0])))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte = nn.Embedding(VOCABULARY, WIDTH)
        self.wpe = nn.Embedding(POSITIONS, WIDTH)
        self.blocks = nn.ModuleList(Block(causal=True) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.head.weight = self.wte.weight  # tied, as GPT-2's

    def forward(self, ids):
        positions = torch.arange(0, ids.size(1), dtype=torch.long, device=ids.device).unsqueeze(0)
        x = self.wte(ids) + self.wpe(positions)
        for block in self.blocks:
            x = block(x, None)
        return self.head(self.norm(x))


class Encoder(nn.Module):
    """LibTorch's own transformer encoder, which has a fused operator for inference."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, LAYERS)
        self.classifier = nn.Linear(WIDTH, 3)

    def forward(self, ids):
        return self.classifier(self.encoder(self.embedding(ids)).mean(dim=1))


TRANSFORMERS = {
    "bert": (Bert, [("int64", VOCABULARY), ("int64", 2)]),
    "gpt": (Gpt, [("int64", VOCABULARY)]),
    "transformer_encoder": (Encoder, [("int64", VOCABULARY)]),
}


def build(name):
    """The network in evaluation mode, its inputs as a list of (shape, dtype, values below), and example inputs."""
    torch.manual_seed(0)
    if name in TRANSFORMERS:
        make, kinds = TRANSFORMERS[name]
        inputs = [([2, 16], dtype, high) for dtype, high in kinds]
        return make().eval(), inputs, tuple(torch.randint(0, high, shape) for shape, _, high in inputs)
    options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    model = getattr(torchvision.models, name)(weights=None, num_classes=10, **options)
    for each in model.modules():
        if isinstance(each, nn.Dropout) or isinstance(each, torchvision.ops.StochasticDepth):
            each.p = 0.0
    if name.startswith("vit"):  # whose head starts at zero
        nn.init.normal_(model.heads.head.weight, std=0.02)
    shape = [2, 3, TORCHVISION[name], TORCHVISION[name]]
    if any(isinstance(each, nn.BatchNorm2d) for each in model.modules()):
        for each in model.modules():
            if isinstance(each, nn.BatchNorm2d):
                each.momentum = None  # plain averages
        with torch.no_grad():
            for _ in range(2):
                model.train()(torch.randn(8, *shape[1:]))
    return model.eval(), [(shape, "float32", 0)], (torch.randn(shape),)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", required=True)
    parser.add_argument("names", nargs="*", help="which networks; default: all")
    arguments = parser.parse_args()
    known = list(TORCHVISION) + list(TRANSFORMERS)
    unknown = [name for name in arguments.names if name not in known]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
    os.makedirs(arguments.output_dir, exist_ok=True)
    for name in arguments.names or known:
        model, inputs, example = build(name)
        with torch.no_grad():
            traced = torch.jit.trace(model, example, check_trace=False)
        path = os.path.join(arguments.output_dir, name)
        traced.save(path + ".pt")
        with open(path + ".json", "w", encoding="utf-8") as file:
            described = [{"shape": shape, "dtype": dtype, "below": below} for shape, dtype, below in inputs]
            json.dump({"inputs": described}, file)
        print(f"{path}.pt: {os.path.getsize(path + '.pt') / 1e6:.1f} MB", flush=True)


if __name__ == "__main__":
    main()
