"""Trains the hybrid (Mamba-2 + attention) model of 7.5 million parameters, Nemotron-H layout.

Usage: python train_hybrid.py <text folder> <tokenizer folder> <output folder> [steps]
Needs: torch >= 2, safetensors, tokenizers. One GPU; a few minutes on an H100.
Blocks `M-M-M*-M-M-M*-`: M Mamba-2, * attention without positions, - MLP with squared ReLU; each RMSNorm, mixer, residual.
Mamba-2 in its chunked matrix form (state-space duality), chunks of 64 tokens.
"""
import json
import pathlib
import sys

import torch
import torch.nn.functional as F
from torch import nn

import training

CONFIG = {
    "architectures": ["NemotronHForCausalLM"],
    "model_type": "nemotron_h",
    "vocab_size": 4096,
    "hidden_size": 256,
    "hybrid_override_pattern": "M-M-M*-M-M-M*-",
    "num_hidden_layers": 14,
    "expand": 2,
    "mamba_head_dim": 32,
    "mamba_num_heads": 16,
    "n_groups": 1,
    "ssm_state_size": 128,
    "conv_kernel": 4,
    "use_conv_bias": True,
    "chunk_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "head_dim": 64,
    "attention_head_dim": 64,
    "intermediate_size": 1024,
    "mlp_hidden_act": "relu2",
    "max_position_embeddings": 4096,
    "layer_norm_epsilon": 1e-5,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": True,
    "mlp_bias": False,
    "attention_bias": False,
    "mamba_proj_bias": False,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "initializer_range": 0.02,
    "torch_dtype": "float16",
}
DROPOUT = 0.1
CONTEXT = 2048
INNER = CONFIG["mamba_num_heads"] * CONFIG["mamba_head_dim"]
STATE = CONFIG["ssm_state_size"]


class RmsNorm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        x = x.float()
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + CONFIG["rms_norm_eps"]) * self.weight


def scan_chunked(x, decay_log, b, c):
    """y[t] = sum_{s<=t} exp(sum of decay_log over (s, t]) (c[t].b[s]) x[s], per head.

    x [B, T, H, P], decay_log [B, T, H] (<= 0), b and c [B, T, N]; T a multiple of the chunk. Returns [B, T, H, P]. All f32.
    """
    batch, length, heads, width = x.shape
    chunk = CONFIG["chunk_size"]
    num = length // chunk
    x = x.view(batch, num, chunk, heads, width)
    b, c = b.view(batch, num, chunk, -1), c.view(batch, num, chunk, -1)
    cumulative = decay_log.view(batch, num, chunk, heads).cumsum(2)  # [B, C, Q, H]
    segment = cumulative[:, :, :, None] - cumulative[:, :, None]  # [B, C, t, s, H]
    causal = torch.ones(chunk, chunk, dtype=torch.bool, device=x.device).tril()
    weights = torch.exp(segment.masked_fill(~causal[None, None, :, :, None], float("-inf")))
    scores = torch.einsum("bctn,bcsn->bcts", c, b)
    inside = torch.einsum("bcts,bctsh,bcshp->bcthp", scores, weights, x)
    to_end = torch.exp(cumulative[:, :, -1:] - cumulative)  # [B, C, Q, H]
    states = torch.einsum("bcsn,bcsh,bcshp->bchpn", b, to_end, x)
    carry, before = torch.zeros_like(states[:, 0]), []
    total = torch.exp(cumulative[:, :, -1])  # [B, C, H]
    for index in range(num):
        before.append(carry)
        carry = carry * total[:, index, :, None, None] + states[:, index]
    across = torch.einsum("bctn,bcth,bchpn->bcthp", c, torch.exp(cumulative), torch.stack(before, 1))
    return (inside + across).reshape(batch, length, heads, width)


class Mamba(nn.Module):
    def __init__(self):
        super().__init__()
        hidden, heads = CONFIG["hidden_size"], CONFIG["mamba_num_heads"]
        conv_size = INNER + 2 * STATE
        self.in_proj = nn.Linear(hidden, INNER + conv_size + heads, bias=False)
        self.conv1d = nn.Conv1d(conv_size, conv_size, CONFIG["conv_kernel"], groups=conv_size, padding=CONFIG["conv_kernel"] - 1)
        step = torch.exp(torch.linspace(-6.9, -2.3, heads))  # dt from 0.001 to 0.1
        self.dt_bias = nn.Parameter(step + torch.log(-torch.expm1(-step)))
        self.A_log = nn.Parameter(torch.log(torch.linspace(1, 16, heads)))
        self.D = nn.Parameter(torch.ones(heads))
        self.norm = RmsNorm(INNER)
        self.out_proj = nn.Linear(INNER, hidden, bias=False)

    def forward(self, x):
        batch, length, _ = x.shape
        heads, width = CONFIG["mamba_num_heads"], CONFIG["mamba_head_dim"]
        gate, xbc, dt = self.in_proj(x).split([INNER, INNER + 2 * STATE, heads], dim=-1)
        xbc = F.silu(self.conv1d(xbc.transpose(1, 2))[..., :length]).transpose(1, 2)
        inner, b, c = xbc.float().split([INNER, STATE, STATE], dim=-1)
        dt = F.softplus(dt.float() + self.dt_bias)
        inner = inner.view(batch, length, heads, width)
        with torch.autocast(x.device.type, enabled=False):
            pad = -length % CONFIG["chunk_size"]
            padded = [F.pad(t, (0, 0) * (t.ndim - 2) + (0, pad)) for t in (inner * dt[..., None], -torch.exp(self.A_log) * dt, b, c)]
            y = scan_chunked(*padded)[:, :length] + inner * self.D[:, None]
        return self.out_proj(self.norm(y.reshape(batch, length, INNER) * F.silu(gate.float())))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        hidden, size = CONFIG["hidden_size"], CONFIG["num_attention_heads"] * CONFIG["head_dim"]
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(hidden, size, bias=False) for _ in range(3))
        self.o_proj = nn.Linear(size, hidden, bias=False)

    def forward(self, x):
        batch, length, _ = x.shape
        q, k, v = (p(x).view(batch, length, CONFIG["num_attention_heads"], -1).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        return self.o_proj(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, length, -1))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.up_proj = nn.Linear(CONFIG["hidden_size"], CONFIG["intermediate_size"], bias=False)
        self.down_proj = nn.Linear(CONFIG["intermediate_size"], CONFIG["hidden_size"], bias=False)

    def forward(self, x):
        return self.down_proj(F.relu(self.up_proj(x)).square())


MIXERS = {"M": Mamba, "*": Attention, "-": Mlp}


class Block(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.norm = RmsNorm(CONFIG["hidden_size"])
        self.mixer = MIXERS[kind]()

    def forward(self, x):
        return x + F.dropout(self.mixer(self.norm(x)), DROPOUT, self.training)


class Hybrid(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = nn.Embedding(CONFIG["vocab_size"], CONFIG["hidden_size"])
        self.layers = nn.ModuleList(Block(kind) for kind in CONFIG["hybrid_override_pattern"])
        self.norm_f = RmsNorm(CONFIG["hidden_size"])
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                scale = CONFIG["num_hidden_layers"] ** -0.5 if name.endswith(("o_proj.weight", "down_proj.weight", "out_proj.weight")) else 1.0
                nn.init.normal_(parameter, std=CONFIG["initializer_range"] * scale)

    def loss(self, ids, targets, reduction="mean"):
        x = self.embeddings(ids)
        for layer in self.layers:
            x = layer(x)
        logits = F.linear(self.norm_f(x), self.embeddings.weight)
        return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction=reduction)


def main():
    text, tokenizer, output = map(pathlib.Path, sys.argv[1:4])
    steps = int(sys.argv[4]) if len(sys.argv) > 4 else 1600
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(training.SEED)
    *streams, num_bytes = training.load_split(text, tokenizer / "tokenizer.json")
    output.mkdir(parents=True, exist_ok=True)
    model = Hybrid().to(device)
    training.train(model, streams, num_bytes, context=CONTEXT, batch=16 if device == "cuda" else 1, steps=steps, peak_lr=2e-3, log_file=output / "training-log.jsonl")
    model.half().float()
    bits = training.held_out_bits_per_byte(model, streams[1], num_bytes, CONTEXT, batch=8)
    tensors = {f"backbone.{name}": tensor for name, tensor in model.state_dict().items()}
    training.save_shards(tensors, output)
    (output / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    device_name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    summary = {"parameters": sum(t.numel() for t in tensors.values()), "heldOutBitsPerByteAfterF16": round(bits, 4), "device": device_name, "torch": torch.__version__, "seed": training.SEED, "steps": steps}
    (output / "training-summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    print(summary)


if __name__ == "__main__":
    main()
