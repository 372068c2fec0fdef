"""Trains the Llama-style model of 11 million parameters and saves it in the Hugging Face layout.

Usage: python train_llama.py <text folder> <tokenizer folder> <output folder> [steps]
Needs: torch >= 2, safetensors, tokenizers. One GPU; about a minute on an H100.
Layout: RMSNorm, rotary positions (halves), grouped-query attention, SwiGLU, tied embedding.
"""
import json
import pathlib
import sys

import torch
import torch.nn.functional as F
from torch import nn

import training

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 4096,
    "hidden_size": 384,
    "intermediate_size": 1024,
    "num_hidden_layers": 6,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "hidden_act": "silu",
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "attention_bias": False,
    "mlp_bias": False,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "initializer_range": 0.02,
    "torch_dtype": "float16",
}
DROPOUT = 0.1


class RmsNorm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        x = x.float()
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + CONFIG["rms_norm_eps"]) * self.weight


def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        hidden, head = CONFIG["hidden_size"], CONFIG["head_dim"]
        self.heads, self.kv_heads = CONFIG["num_attention_heads"], CONFIG["num_key_value_heads"]
        self.q_proj = nn.Linear(hidden, self.heads * head, bias=False)
        self.k_proj = nn.Linear(hidden, self.kv_heads * head, bias=False)
        self.v_proj = nn.Linear(hidden, self.kv_heads * head, bias=False)
        self.o_proj = nn.Linear(self.heads * head, hidden, bias=False)

    def forward(self, x, cos, sin):
        batch, length, _ = x.shape
        split = lambda y, heads: y.view(batch, length, heads, -1).transpose(1, 2)  # noqa: E731
        q = rotate(split(self.q_proj(x), self.heads), cos, sin)
        k = rotate(split(self.k_proj(x), self.kv_heads), cos, sin)
        v = split(self.v_proj(x), self.kv_heads)
        groups = self.heads // self.kv_heads
        k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
        out = F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, is_causal=True)
        return self.o_proj(out.transpose(1, 2).reshape(batch, length, -1))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        hidden, inner = CONFIG["hidden_size"], CONFIG["intermediate_size"]
        self.gate_proj = nn.Linear(hidden, inner, bias=False)
        self.up_proj = nn.Linear(hidden, inner, bias=False)
        self.down_proj = nn.Linear(inner, hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layernorm = RmsNorm(CONFIG["hidden_size"])
        self.self_attn = Attention()
        self.post_attention_layernorm = RmsNorm(CONFIG["hidden_size"])
        self.mlp = Mlp()

    def forward(self, x, cos, sin):
        x = x + F.dropout(self.self_attn(self.input_layernorm(x), cos, sin), DROPOUT, self.training)
        return x + F.dropout(self.mlp(self.post_attention_layernorm(x)), DROPOUT, self.training)


class Llama(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(CONFIG["vocab_size"], CONFIG["hidden_size"])
        self.layers = nn.ModuleList(Layer() for _ in range(CONFIG["num_hidden_layers"]))
        self.norm = RmsNorm(CONFIG["hidden_size"])
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                scale = (2 * CONFIG["num_hidden_layers"]) ** -0.5 if name.endswith(("o_proj.weight", "down_proj.weight")) else 1.0
                nn.init.normal_(parameter, std=CONFIG["initializer_range"] * scale)

    def loss(self, ids, targets, reduction="mean"):
        head = CONFIG["head_dim"]
        angles = torch.outer(
            torch.arange(ids.shape[1], device=ids.device).float(),
            CONFIG["rope_theta"] ** (-torch.arange(0, head, 2, device=ids.device).float() / head),
        )
        cos, sin = torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x, cos, sin)
        logits = F.linear(self.norm(x), self.embed_tokens.weight)
        return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction=reduction)


def main():
    text, tokenizer, output = map(pathlib.Path, sys.argv[1:4])
    steps = int(sys.argv[4]) if len(sys.argv) > 4 else 1600
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(training.SEED)
    *streams, num_bytes = training.load_split(text, tokenizer / "tokenizer.json")
    output.mkdir(parents=True, exist_ok=True)
    model = Llama().to(device)
    context = CONFIG["max_position_embeddings"]
    training.train(model, streams, num_bytes, context=context, batch=64 if device == "cuda" else 2, steps=steps, peak_lr=2e-3, log_file=output / "training-log.jsonl")
    model.half().float()
    bits = training.held_out_bits_per_byte(model, streams[1], num_bytes, context)
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    training.save_shards(tensors, output)
    (output / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    device_name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    summary = {"parameters": sum(t.numel() for t in tensors.values()), "heldOutBitsPerByteAfterF16": round(bits, 4), "device": device_name, "torch": torch.__version__, "seed": training.SEED, "steps": steps}
    (output / "training-summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    print(summary)


if __name__ == "__main__":
    main()
