"""The transformer training step in PyTorch eager on one GPU. Usage: torch-step.py small|large float32|float16 [steps]

Same model as core/bench/gpu/step.ts: LayerNorm, separate q k v, additive causal mask, tanh GELU, tied head, AdamW."""
import json
import math
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

SIZES = {"small": (512, 256, 4, 4, 4, 256), "large": (8192, 1024, 8, 16, 4, 512)}
which = sys.argv[1]
V, C, L, H, B, T = SIZES[which]
half = sys.argv[2] == "float16"
steps = int(sys.argv[3]) if len(sys.argv) > 3 else 20
allow_tf32 = len(sys.argv) > 4 and sys.argv[4] == "tf32"
torch.backends.cuda.matmul.allow_tf32 = allow_tf32


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
        return x + self.out(F.gelu(self.fc(self.ln_2(x)), approximate="tanh"))


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


model = Transformer().cuda()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
scaler = torch.amp.GradScaler("cuda", enabled=half)
tokens, targets = torch.randint(V, (B, T), device="cuda"), torch.randint(V, (B, T), device="cuda")
times = []
for i in range(steps):
    torch.cuda.synchronize()
    start = time.perf_counter()
    with torch.autocast("cuda", dtype=torch.float16, enabled=half):
        loss = F.cross_entropy(model(tokens).view(-1, V).float(), targets.view(-1))
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    value = loss.item()
    times.append((time.perf_counter() - start) * 1e3)
warm = sorted(times[3:])
print(json.dumps({
    "torch": torch.__version__, "card": torch.cuda.get_device_name(), "which": which, "dtype": sys.argv[2],
    "tf32": allow_tf32, "medianMs": round(warm[len(warm) // 2], 2), "minMs": round(warm[0], 2), "loss": value,
}))
