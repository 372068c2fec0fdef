"""The PyTorch peers of the spine bench: the transformer training step and an epoch of the digits CNN.

Usage: spine.torch-peer.py transformer|cnn [repeats]; prints one JSON line with seconds per repeat."""
import json
import math
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

V, C, L, H, B, T = 512, 256, 4, 4, 4, 256


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.q, self.k, self.v, self.proj = (nn.Linear(C, C) for _ in range(4))
        self.fc, self.out = nn.Linear(C, 4 * C), nn.Linear(4 * C, C)

    def forward(self, x, mask):
        h = self.ln_1(x)
        q, k, v = (m(h).view(B, T, H, C // H).transpose(1, 2) for m in (self.q, self.k, self.v))
        scores = (q @ k.transpose(-2, -1)) / math.sqrt(C // H) + mask
        x = x + self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))
        return x + self.out(F.gelu(self.fc(self.ln_2(x))))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(V, C), nn.Embedding(T, C)
        self.blocks = nn.ModuleList(Block() for _ in range(L))
        self.ln_f = nn.LayerNorm(C)
        self.register_buffer("mask", torch.full((T, T), -30000.0).triu(1))

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe.weight
        for block in self.blocks:
            x = block(x, self.mask)
        return self.ln_f(x) @ self.wte.weight.t()


def transformer(repeats):
    model = Transformer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    tokens, targets = torch.randint(V, (B, T)), torch.randint(V, (B, T))

    def step():
        loss = F.cross_entropy(model(tokens).view(-1, V), targets.view(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return measure(step, repeats)


def cnn(repeats, steps=100, batch=64):
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 49, 128), nn.ReLU(), nn.Linear(128, 10),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    x, y = torch.rand(batch, 1, 28, 28), torch.randint(10, (batch,))

    def part():
        for _ in range(steps):
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    return measure(part, repeats)


def measure(call, repeats):
    call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[3]) if len(sys.argv) > 3 else 2)
    kind, repeats = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    print(json.dumps({"torch": torch.__version__, "seconds": {"transformer": transformer, "cnn": cnn}[kind](repeats)}))
