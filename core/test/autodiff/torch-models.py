"""Losses and gradients of whole models by PyTorch in float64: reads {model: {states, inputs, labels}} and writes
{model: {loss, gradients}}. The models are written here afresh from their papers, with the parameter names of core/nn.
Usage: python3 torch-models.py requests.json answers.json"""

import json
import math
import sys

import torch
import torch.nn.functional as F

EPSILON = 1e-5


class Parameters:
    """Parameters by dotted name, below a prefix."""

    def __init__(self, states, prefix=""):
        self.states, self.prefix = states, prefix

    def __getitem__(self, name):
        return self.states[self.prefix + name]

    def at(self, name):
        return Parameters(self.states, f"{self.prefix}{name}.")

    def linear(self, name, x):
        return F.linear(x, self[f"{name}.weight"], self.states.get(f"{self.prefix}{name}.bias"))

    def layer_norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:], self[f"{name}.weight"], self[f"{name}.bias"], EPSILON)

    def rms_norm(self, name, x):
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + EPSILON) * self[f"{name}.weight"]

    def conv(self, name, x, stride=1):
        weight = self[f"{name}.weight"]
        return F.conv2d(x, weight, self[f"{name}.bias"], stride=stride, padding=weight.shape[-1] // 2)

    def group_norm(self, name, x):
        return F.group_norm(x, min(8, x.shape[1]), self[f"{name}.weight"], self[f"{name}.bias"], EPSILON)


def attend(p, x, heads, kv_heads, names, rotary=False, causal=True):
    """x [B, T, C]"""
    batch, length, width = x.shape
    size = width // heads
    split = lambda y, count: y.view(batch, length, count, size).transpose(1, 2)
    q = split(p.linear(names[0], x), heads)
    k, v = (split(p.linear(name, x), kv_heads) for name in names[1:3])
    if rotary:
        q, k = turn(q), turn(k)
    k, v = (y.repeat_interleave(heads // kv_heads, 1) for y in (k, v))
    scores = q @ k.transpose(-1, -2) / math.sqrt(size)
    if causal:
        scores = scores.masked_fill(torch.ones(length, length, dtype=torch.bool).triu(1), -math.inf)
    return p.linear(names[3], (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, width))


def turn(x, base=10_000.0):
    half = x.shape[-1] // 2
    rates = base ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = torch.outer(torch.arange(x.shape[-2], dtype=torch.float64), rates)
    first, second = x[..., :half], x[..., half:]
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


SHORT_NAMES = ("q", "k", "v", "proj")
LONG_NAMES = ("q_proj", "k_proj", "v_proj", "o_proj")


def hidden_layer(p, x):
    return p.linear("proj", F.gelu(p.linear("fc", x), approximate="tanh"))


def embedded(p, tokens):
    return p["wte.weight"][tokens] + p["wpe.weight"][: tokens.shape[1]]


def language_loss(p, x, table, labels):
    return F.cross_entropy((x @ table.t()).flatten(0, 1), labels)


def gpt(p, inputs, labels):
    x = embedded(p, inputs["tokens"])
    for layer in range(2):
        block = p.at(f"layers.{layer}")
        x = x + attend(block.at("attn"), block.layer_norm("ln_1", x), 2, 2, SHORT_NAMES)
        x = x + hidden_layer(block.at("mlp"), block.at("mlp").layer_norm("ln_2", x))
    return language_loss(p, p.layer_norm("ln_f", x), p["wte.weight"], labels)


def mixture(p, x, experts=3, top=2, factor=2.0):
    """First choices of all tokens fill the experts before second choices do. Returns output and balance loss."""
    rows = x.flatten(0, 1)
    count = len(rows)
    capacity = max(1, math.ceil(factor * top * count / experts))
    gates = (rows @ p["gate.weight"].t()).softmax(-1)
    values, chosen = gates.topk(top, -1)
    shares = values / values.sum(-1, keepdim=True)
    taken = [0] * experts
    y = torch.zeros_like(rows)
    for choice in range(top):
        for token in range(count):
            expert = int(chosen[token, choice])
            taken[expert] += 1
            if taken[expert] > capacity:
                continue
            inner = F.gelu(rows[token] @ p["experts.w1"][expert], approximate="tanh")
            part = torch.zeros_like(rows)
            part[token] = 1.0
            y = y + part * shares[token, choice] * (inner @ p["experts.w2"][expert])
    load = torch.bincount(chosen.flatten(), minlength=experts).double() / (top * count)
    return y.view_as(x), 0.01 * experts * (load * gates.mean(0)).sum()


def moe(p, inputs, labels):
    x = embedded(p, inputs["tokens"])
    balance = 0.0
    for layer in range(2):
        block = p.at(f"layers.{layer}")
        x = x + attend(block.at("attn"), block.at("attn").layer_norm("ln_1", x), 2, 2, SHORT_NAMES)
        normed = block.layer_norm("ln_2", x)
        if layer == 1:
            y, balance = mixture(block.at("moe"), normed)
        else:
            y = hidden_layer(block.at("mlp"), normed)
        x = x + y
    return language_loss(p, p.layer_norm("ln_f", x), p["wte.weight"], labels) + balance


def mamba(p, x, head=4, state=4):
    """The recurrence of Mamba-2, one position after the other."""
    batch, length, _ = x.shape
    inner = p["out_proj.weight"].shape[1]
    z, mixed, delta = p.linear("in_proj", x).split([inner, inner + 2 * state, inner // head], -1)
    taps = p["conv1d.weight"]
    mixed = F.conv1d(F.pad(mixed.transpose(1, 2), (taps.shape[-1] - 1, 0)), taps, p["conv1d.bias"], groups=len(taps))
    values, b, c = F.silu(mixed.transpose(1, 2)).split([inner, state, state], -1)
    values = values.view(batch, length, -1, head)
    delta = F.softplus(delta + p["dt_bias"])
    decay = torch.exp(-delta * p["A_log"].exp())
    memory = torch.zeros(batch, values.shape[2], head, state, dtype=torch.float64)
    ys = []
    for t in range(length):
        added = (delta[:, t, :, None] * values[:, t])[..., None] * b[:, t, None, None, :]
        memory = decay[:, t, :, None, None] * memory + added
        ys.append((memory * c[:, t, None, None, :]).sum(-1))
    y = torch.stack(ys, 1) + p["D"][:, None] * values
    return p.linear("out_proj", p.rms_norm("norm", y.reshape(batch, length, inner) * F.silu(z)))


def hybrid(p, inputs, labels):
    x = p["embed_tokens.weight"][inputs["tokens"]]
    for layer in range(2):
        block = p.at(f"layers.{layer}")
        normed = block.rms_norm("norm1", x)
        if layer == 0:
            x = x + mamba(block.at("mamba"), normed)
        else:
            x = x + attend(block.at("self_attn"), normed, 2, 1, LONG_NAMES, rotary=True)
        normed = block.rms_norm("norm2", x)
        mlp = block.at("mlp")
        x = x + mlp.linear("down_proj", F.silu(mlp.linear("gate_proj", normed)) * mlp.linear("up_proj", normed))
    return language_loss(p, p.rms_norm("norm", x), p["embed_tokens.weight"], labels)


def residual(p, x, signal):
    h = p.conv("conv1", F.silu(p.group_norm("norm1", x)))
    h = h + p.linear("time", signal)[:, :, None, None]
    h = p.conv("conv2", F.silu(p.group_norm("norm2", h)))
    return h + (p.conv("skip", x) if x.shape[1] != h.shape[1] else x)


def unet(p, inputs, labels):
    rates = 10_000.0 ** (-torch.arange(128, dtype=torch.float64) / 128)
    angles = inputs["t"][:, None] * rates
    time = p.at("time").linear("fc1", torch.cat([angles.cos(), angles.sin()], 1))
    signal = F.silu(p.at("time").linear("fc2", F.silu(time)))
    first = p.conv("conv_in", inputs["x"])
    fine = residual(p.at("down.0.0"), first, signal)
    shrunk = p.conv("down.1.shrink", fine, stride=2)
    coarse = residual(p.at("down.1.0"), shrunk, signal)
    middle = p.at("middle")
    x = residual(middle.at("block1"), coarse, signal)
    rows = middle.group_norm("attn.norm", x).flatten(2).transpose(1, 2)
    x = x + attend(middle.at("attn"), rows, 2, 2, LONG_NAMES, causal=False).transpose(1, 2).view_as(x)
    x = residual(middle.at("block2"), x, signal)
    for block, skip in (("up.1.0", coarse), ("up.1.1", shrunk)):
        x = residual(p.at(block), torch.cat([x, skip], 1), signal)
    x = p.conv("up.1.grow", F.interpolate(x, scale_factor=2, mode="nearest"))
    for block, skip in (("up.0.0", fine), ("up.0.1", first)):
        x = residual(p.at(block), torch.cat([x, skip], 1), signal)
    noise = p.conv("conv_out", F.silu(p.group_norm("norm_out", x)))
    return (noise * noise).mean()


MODELS = {
    "a 2-layer GPT": gpt,
    "a hybrid of Mamba-2 and attention": hybrid,
    "a mixture of experts": moe,
    "a U-Net": unet,
}


def tensor(given):
    dtype = torch.int64 if given["integer"] else torch.float64
    return torch.tensor(given["data"], dtype=dtype).reshape(given["shape"])


with open(sys.argv[1]) as file:
    requests = json.load(file)
answers = {}
for name, request in requests.items():
    states = {key: tensor(value).requires_grad_() for key, value in request["states"].items()}
    inputs = {key: tensor(value) for key, value in request["inputs"].items()}
    loss = MODELS[name](Parameters(states), inputs, tensor(request["labels"]))
    loss.backward()
    gradients = {key: value.grad.flatten().tolist() for key, value in states.items()}
    answers[name] = {"loss": loss.item(), "gradients": gradients}
with open(sys.argv[2], "w") as file:
    json.dump(answers, file)
