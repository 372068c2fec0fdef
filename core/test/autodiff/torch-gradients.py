"""Gradients by PyTorch in float64: reads {name: {inputs: {input: {shape, data, integer}}}} and writes
{name: {loss, gradients: {input: [numbers]}}}. The functions mirror those of torch.test.ts by name.
Usage: python3 torch-gradients.py requests.json answers.json"""

import json
import sys

import torch
import torch.nn.functional as F


def weighted(y):
    """A loss that weighs every element differently, alike on both sides."""
    flat = y.reshape(-1)
    return (flat * torch.cos(torch.arange(flat.numel(), dtype=torch.float64))).sum()


def attention(v):
    b, t, c = v["x"].shape
    qkv = (v["x"] @ v["wqkv"]).reshape(b, t, 3, 2, c // 2).permute(2, 0, 3, 1, 4)
    q, k, values = qkv[0], qkv[1], qkv[2]
    scores = q @ k.transpose(-1, -2) / (c // 2) ** 0.5
    mask = torch.ones(t, t, dtype=torch.bool).tril()
    p = torch.softmax(scores.masked_fill(~mask, -1e9), -1)
    y = (p @ values).permute(0, 2, 1, 3).reshape(b, t, c) @ v["wo"]
    h = v["x"] + y
    n = F.layer_norm(h, (c,), v["s"], v["c"])
    return h + F.gelu(n @ v["w1"]) @ v["w2"]


def rms_norm(x, s):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-5) * s


FUNCTIONS = {
    "attention": attention,
    "conv2d": lambda v: F.conv2d(v["x"], v["w"], v["c"], stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2),
    "conv1d depthwise causal": lambda v: F.conv1d(F.pad(v["x"], (2, 0)), v["w"], groups=3),
    "conv transpose": lambda v: F.conv_transpose2d(v["x"], v["w"], v["c"], stride=2, padding=1, output_padding=1, groups=2),
    "max pool tiling": lambda v: F.max_pool2d(v["x"], 2),
    "max pool overlapping": lambda v: F.max_pool2d(v["x"], 3, 2, 1),
    "average pool": lambda v: F.avg_pool2d(v["x"], 3, 2, 1, count_include_pad=False),
    "average pool counting padding": lambda v: F.avg_pool2d(v["x"], 3, 2, 1),
    "batch norm": lambda v: F.batch_norm(v["x"], None, None, v["s"], v["c"], True, 0.1, 1e-5),
    "group norm": lambda v: F.group_norm(v["x"], 2, v["s"], v["c"]),
    "instance norm": lambda v: F.instance_norm(v["x"], None, None, v["s"], v["c"]),
    "layer norm": lambda v: F.layer_norm(v["x"], v["x"].shape[-1:], v["s"], v["c"]),
    "rms norm": lambda v: rms_norm(v["x"], v["s"]),
    "cross entropy": lambda v: F.cross_entropy(v["x"], v["i"]).reshape(1),
    "embedding": lambda v: F.embedding(v["i"], v["x"]),
    "top-k": lambda v: torch.topk(v["x"], 3, -1).values,
    "cumsum": lambda v: torch.cumsum(v["x"], 1),
    "einsum": lambda v: torch.einsum("bhtd,bhsd->bhts", v["p"], v["q"]),
    "gather": lambda v: torch.gather(v["x"], 1, v["i"]),
    "scatter add": lambda v: v["x"].scatter_add(1, v["i"], v["u"]),
    "resize linear": lambda v: F.interpolate(v["x"], (5, 7), mode="bilinear", align_corners=False),
    "resize cubic": lambda v: F.interpolate(v["x"], (6, 7), mode="bicubic", align_corners=False),
    "resize nearest": lambda v: F.interpolate(v["x"], scale_factor=2, mode="nearest"),
    "gelu tanh": lambda v: F.gelu(v["x"], approximate="tanh"),
    "silu": lambda v: F.silu(v["x"]),
    "softplus": lambda v: F.softplus(v["x"]),
    "elu": lambda v: F.elu(v["x"], 1.3),
    "log-sum-exp": lambda v: torch.logsumexp(v["x"], 1),
    "product": lambda v: v["x"].prod(1),
    "max of an axis": lambda v: torch.amax(v["x"], 1),
    "norm": lambda v: v["x"].norm(dim=1),
    "clip": lambda v: torch.clamp(v["x"], -0.4, 0.6),
    "power": lambda v: torch.pow(v["p"].abs() + 0.5, v["q"]),
    "reflect pad": lambda v: F.pad(v["x"], (1, 2, 1, 1), mode="reflect"),
}


def answer(name, request):
    values = {}
    for key, tensor in request["inputs"].items():
        dtype = torch.int64 if tensor["integer"] else torch.float64
        values[key] = torch.tensor(tensor["data"], dtype=dtype).reshape(tensor["shape"])
        if not tensor["integer"]:
            values[key].requires_grad_(True)
    loss = weighted(FUNCTIONS[name](values))
    loss.backward()
    gradients = {key: value.grad.reshape(-1).tolist() for key, value in values.items() if value.requires_grad}
    return {"loss": loss.item(), "gradients": gradients}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        requests = json.load(file)
    answers = {name: answer(name, request) for name, request in requests.items()}
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(answers, file)


main()
