"""The peer of the bench: ProxSparse steps on a llama2.c model in plain PyTorch on the CPU, eager, two threads.

    python3 torch_loop.py stories260K.bin STEPS ROW_LENGTH
Prints the median ms of a step and the first and last loss. Same objective, optimiser, clipping, schedule and operator.
"""
import struct
import sys
import time

import torch
import torch.nn.functional as F

path, steps, length = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(2)
LAMBDA1, LAMBDA2, EPSILON, PEAK = 0.1, 0.1, 0.1, 3e-3

with open(path, "rb") as file:
    dim, hidden, layers, heads, kv_heads, vocab, _context = struct.unpack("7i", file.read(28))
    data = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
at = 0


def take(*shape):
    global at
    count = 1
    for size in shape:
        count *= size
    values = data[at : at + count].view(*shape).clone()
    at += count
    return values


width = dim // heads
embedding = take(vocab, dim)
norm1 = take(layers, dim)
wq = take(layers, dim, dim)
wk, wv = take(layers, kv_heads * width, dim), take(layers, kv_heads * width, dim)
wo = take(layers, dim, dim)
norm2 = take(layers, dim)
w1, w2, w3 = take(layers, hidden, dim), take(layers, dim, hidden), take(layers, hidden, dim)
final = take(dim)
trained = [w.clone().requires_grad_() for stack in (wq, wk, wv, wo, w1, w2, w3) for w in stack]
originals = [w.detach().clone() for w in trained]
groups = [trained[i * layers : (i + 1) * layers] for i in range(7)]

angles = torch.outer(torch.arange(length).float(), 1e4 ** (-torch.arange(0, width, 2).float() / width))
cos, sin = angles.cos()[:, None], angles.sin()[:, None]
mask = torch.full((length, length), float("-inf")).triu(1)


def norm(x, weight):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-5) * weight


def rotate(x):
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)


def loss_of(tokens):
    x = embedding[tokens]
    for i in range(layers):
        q_w, k_w, v_w, o_w, gate, down, up = (group[i] for group in groups)
        h = norm(x, norm1[i])
        q = rotate((h @ q_w.T).view(length, heads, width)).transpose(0, 1)
        k = rotate((h @ k_w.T).view(length, kv_heads, width)).transpose(0, 1).repeat_interleave(heads // kv_heads, 0)
        v = (h @ v_w.T).view(length, kv_heads, width).transpose(0, 1).repeat_interleave(heads // kv_heads, 0)
        scores = torch.softmax(q @ k.transpose(1, 2) / width**0.5 + mask, -1)
        x = x + (scores @ v).transpose(0, 1).reshape(length, dim) @ o_w.T
        h = norm(x, norm2[i])
        x = x + (F.silu(h @ gate.T) * (h @ up.T)) @ down.T
    nats = F.cross_entropy((norm(x, final) @ embedding.T)[:-1], tokens[1:])
    pull = sum(
        ((w * (w - w0) / (w0 + EPSILON * torch.where(w0 < 0, -1.0, 1.0))) ** 2).sum() for w, w0 in zip(trained, originals)
    )
    return nats + LAMBDA2 * pull


def alternate(z, k):
    w = torch.zeros_like(z)
    for _ in range(100):
        old = w.clone()
        for i in range(k - 1, -1, -1):
            a, b, c = (w[:, j] for j in range(4) if j != i)
            w[:, i] = torch.clamp(z[:, i] - LAMBDA1 * (a * b + a * c + b * c), min=0)
        if (w - old).abs().sum() < 1e-8:
            break
    return w


def value(w, z):
    a, b, c, d = w.T
    return ((w - z) ** 2).sum(1) / 2 + LAMBDA1 * (a * b * (c + d) + c * d * (a + b))


@torch.no_grad()
def prox(weight):
    y = weight.view(-1, 4)
    z, order = y.abs().sort(dim=1, descending=True)
    best = z.clone()
    best[:, 2:] = 0
    least = value(best, z)
    for k in (3, 4):
        zk = z.clone()
        zk[:, k:] = 0
        w = alternate(zk, k)
        found = value(w, z)
        best = torch.where((found < least)[:, None], w, best)
        least = torch.minimum(found, least)
    weight.copy_((y.sign() * torch.zeros_like(y).scatter_(1, order, best)).view_as(weight))


optimizer = torch.optim.AdamW(trained, lr=PEAK, betas=(0.9, 0.999), eps=1e-8, weight_decay=0)
generator = torch.Generator().manual_seed(0)
rows = torch.randint(0, vocab, (16, length), generator=generator)
times, losses = [], []
for step in range(steps):
    start = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    loss = loss_of(rows[step % 16])
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.param_groups[0]["lr"] = PEAK * min((step + 1) / max(1, steps * 0.1), (steps - step) / (steps * 0.9))
    optimizer.step()
    for weight in trained:
        prox(weight.data)
    times.append((time.perf_counter() - start) * 1e3)
    losses.append(loss.item())
print(sorted(times)[len(times) // 2], losses[0], losses[-1])
