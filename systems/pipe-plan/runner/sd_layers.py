"""Layers of Stable Diffusion: the same as the room's layer graphs, with random weights."""

import torch
import torch.nn as nn
import torch.nn.functional as F


def norm(channels, **kw):
    return nn.GroupNorm(32, channels, **kw)


class Attention(nn.Module):
    def __init__(self, width, context, heads, bias=False, **kw):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Linear(n, width, bias=bias, **kw) for n in (width, context, context))
        self.out = nn.Linear(width, width, **kw)

    def forward(self, x, context):
        q, k, v = (p.view(p.shape[0], p.shape[1], self.heads, -1).transpose(1, 2)
                   for p in (self.q(x), self.k(context), self.v(context)))
        if hasattr(F, "scaled_dot_product_attention"):
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:
            mixed = torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, -1) @ v
        return self.out(mixed.transpose(1, 2).reshape(x.shape))


class Residual(nn.Module):
    def __init__(self, channels, out, time=None, **kw):
        super().__init__()
        self.norm1, self.conv1 = norm(channels, **kw), nn.Conv2d(channels, out, 3, padding=1, **kw)
        self.time = nn.Linear(time, out, **kw) if time else None
        self.norm2, self.conv2 = norm(out, **kw), nn.Conv2d(out, out, 3, padding=1, **kw)
        self.skip = nn.Conv2d(channels, out, 1, **kw) if channels != out else nn.Identity()

    def forward(self, x, time=None):
        h = self.conv1(F.silu(self.norm1(x)))
        if self.time is not None:
            h = h + self.time(F.silu(time))[:, :, None, None]
        return self.skip(x) + self.conv2(F.silu(self.norm2(h)))


class SpatialTransformer(nn.Module):
    def __init__(self, channels, text, heads, **kw):
        super().__init__()
        self.norm, self.proj_in = norm(channels, **kw), nn.Conv2d(channels, channels, 1, **kw)
        self.norm1, self.attn1 = nn.LayerNorm(channels, **kw), Attention(channels, channels, heads, **kw)
        self.norm2, self.attn2 = nn.LayerNorm(channels, **kw), Attention(channels, text, heads, **kw)
        self.norm3, self.gate = nn.LayerNorm(channels, **kw), nn.Linear(channels, 8 * channels, **kw)
        self.ff, self.proj_out = nn.Linear(4 * channels, channels, **kw), nn.Conv2d(channels, channels, 1, **kw)

    def forward(self, x, text):
        h = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)
        n = self.norm1(h)
        h = h + self.attn1(n, n)
        h = h + self.attn2(self.norm2(h), text)
        a, b = self.gate(self.norm3(h)).chunk(2, -1)
        h = h + self.ff(a * F.gelu(b))
        return x + self.proj_out(h.transpose(1, 2).reshape(x.shape))


class Stem(nn.Module):
    def __init__(self, shape, **kw):
        super().__init__()
        self.width = shape["channels"][0]
        self.conv = nn.Conv2d(shape["inChannels"], self.width, 3, padding=1, **kw)
        self.fc1, self.fc2 = nn.Linear(self.width, 4 * self.width, **kw), nn.Linear(4 * self.width, 4 * self.width, **kw)

    def forward(self, s):
        half = self.width // 2
        waves = s.pop("t")[:, None] * torch.exp(-9.21 * torch.arange(half, device=s["x"].device) / half) * 1000
        waves = torch.cat([waves.sin(), waves.cos()], 1).to(s["x"].dtype)
        return {**s, "x": self.conv(s["x"]), "time": self.fc2(F.silu(self.fc1(waves)))}


class Block(nn.Module):
    """Residual block, then a transformer where the level has one; reads a skip on the way up."""

    def __init__(self, channels, out, shape, level, reads=None, middle=False, **kw):
        super().__init__()
        self.reads = reads
        self.res = Residual(channels, out, 4 * shape["channels"][0], **kw)
        has_attention = middle or shape["hasAttention"][level]
        self.attn = SpatialTransformer(out, shape["text"]["width"], shape["heads"][level], **kw) if has_attention else None
        self.res2 = Residual(out, out, 4 * shape["channels"][0], **kw) if middle else None

    def forward(self, s):
        s = dict(s)
        x = s["x"] if self.reads is None else torch.cat([s["x"], s.pop(f"skip{self.reads}")], 1)
        x = self.res(x, s["time"])
        if self.attn is not None:
            x = self.attn(x, s["text"])
        if self.res2 is not None:
            x = self.res2(x, s["time"])
        return {**s, "x": x}


class OnX(nn.Sequential):
    def forward(self, s):
        return {**s, "x": super().forward(s["x"])}


def unet_builders(shape):
    """[(builder, number of the skip that its output is or None)]; builders take device and dtype."""
    channels, blocks = shape["channels"], shape["blocksPerLevel"]
    made, widths, width = [(lambda **kw: Stem(shape, **kw), 0)], [channels[0]], channels[0]

    def add(build, out, keeps):
        made.append((build, len(widths) if keeps else None))
        if keeps:
            widths.append(out)

    for level, out in enumerate(channels):
        for _ in range(blocks):
            add(lambda w=width, o=out, l=level, **kw: Block(w, o, shape, l, **kw), out, True)
            width = out
        if level < len(channels) - 1:
            add(lambda o=out, **kw: OnX(nn.Conv2d(o, o, 3, stride=2, padding=1, **kw)), out, True)
    last = len(channels) - 1
    add(lambda w=width, **kw: Block(w, w, shape, last, middle=True, **kw), width, False)
    nxt = len(widths) - 1
    for level in range(last, -1, -1):
        out = channels[level]
        for _ in range(blocks + 1):
            add(lambda w=width + widths[nxt], o=out, l=level, r=nxt, **kw: Block(w, o, shape, l, reads=r, **kw), out, False)
            width, nxt = out, nxt - 1
        if level > 0:
            add(lambda o=out, **kw: OnX(nn.Upsample(scale_factor=2), nn.Conv2d(o, o, 3, padding=1, **kw)), out, False)
    add(lambda w=width, **kw: OnX(norm(w, **kw), nn.SiLU(), nn.Conv2d(w, shape["outChannels"], 3, padding=1, **kw)), 0, False)
    return made


class VaeMiddle(nn.Module):
    def __init__(self, width, **kw):
        super().__init__()
        self.res1, self.res2, self.norm = Residual(width, width, **kw), Residual(width, width, **kw), norm(width, **kw)
        self.attn = Attention(width, width, 1, bias=True, **kw)

    def forward(self, x):
        h = self.res1(x)
        rows = self.norm(h).flatten(2).transpose(1, 2)
        return self.res2(h + self.attn(rows, rows).transpose(1, 2).reshape(h.shape))


class TextLayer(nn.Module):
    def __init__(self, width, heads, **kw):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width, **kw), Attention(width, width, heads, bias=True, **kw)
        self.norm2, self.fc1, self.fc2 = (nn.LayerNorm(width, **kw), nn.Linear(width, 4 * width, **kw),
                                          nn.Linear(4 * width, width, **kw))

    def forward(self, x):
        n = self.norm1(x)
        h = x + self.attn(n, n)
        return h + self.fc2(F.gelu(self.fc1(self.norm2(h))))


class Embed(nn.Module):
    def __init__(self, vocabulary, tokens, width, **kw):
        super().__init__()
        self.token = nn.Embedding(vocabulary, width, **kw)
        self.position = nn.Parameter(torch.zeros(tokens, width, **kw))

    def forward(self, ids):
        return self.token(ids) + self.position


def frozen_layers(arch, **kw):
    """component id → list of modules, one per frozen layer of the plan."""
    vae, text = arch["vae"], arch["text"]
    ch = vae["channels"]
    layers, width = [nn.Conv2d(3, ch[0], 3, padding=1, **kw)], ch[0]
    for level, out in enumerate(ch):
        for _ in range(2):
            layers.append(Residual(width, out, **kw))
            width = out
        if level < len(ch) - 1:
            layers.append(nn.Conv2d(out, out, 3, stride=2, padding=1, **kw))
    layers += [VaeMiddle(width, **kw), nn.Sequential(norm(width, **kw), nn.SiLU(), nn.Conv2d(width, 8, 3, padding=1, **kw),
                                                     nn.Conv2d(8, 8, 1, **kw))]
    units = [Embed(text["vocabulary"], text["tokens"], text["width"], **kw)]
    units += [TextLayer(text["width"], text["heads"], **kw) for _ in range(text["layers"])]
    units.append(nn.LayerNorm(text["width"], **kw))
    n = text["layersTogether"]
    return {vae["id"]: layers, text["id"]: [nn.Sequential(*units[i:i + n]) for i in range(0, len(units), n)]}


def build(builder, seed, **kw):
    torch.manual_seed(seed)
    return builder(**kw)
