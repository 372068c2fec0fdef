"""The layers, with Megatron's names, and where each weight and activation lies on the mesh."""
import math
import os
import sys

import torch
from torch import nn

from gpt_parallel import Checkpoint, CopyToTp, DeferredLinear, GatherSequence, ReduceFromTp, RingAttention, ScatterSequence, zigzag

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "collector"))
import tenfold_trace as trace  # noqa: E402


class Leaf(nn.Module):
    trace_leaf = True


class VocabEmbedding(Leaf):
    def __init__(self, weight, comm):
        super().__init__()
        self.weight, self.comm = weight, comm

    def forward(self, tokens):
        rows = self.weight.shape[0]
        start = rows * self.comm.coords["tp"]
        bug = self.comm.bug if self.comm.size["tp"] > 1 else ""
        mask = (tokens < start) | (tokens >= start + rows - (1 if bug == "tp-embedding-mask" else 0))
        x = nn.functional.embedding((tokens - start).masked_fill(mask, 0), self.weight)
        if bug != "tp-embedding-rows":
            x = x.masked_fill(mask.unsqueeze(-1), 0)
        if bug == "tp-embedding-sum":
            return self.comm.own(x, "tp") if self.comm.sp else x
        return ScatterSequence.apply(x, self.comm) if self.comm.sp else ReduceFromTp.apply(x, self.comm)


class RMSNorm(Leaf):
    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def forward(self, x):
        y = x.float()
        return (y * (y.pow(2).mean(-1, keepdim=True) + 1e-5).rsqrt() * self.weight.float()).to(x.dtype)


class ColumnLinear(Leaf):
    def __init__(self, weight, comm):
        super().__init__()
        self.weight, self.comm, self.deferred = weight, comm, None

    def forward(self, x):
        x = GatherSequence.apply(x, self.comm) if self.comm.sp else CopyToTp.apply(x, self.comm)
        if self.deferred is not None:
            return DeferredLinear.apply(x, self.weight, self.deferred, self.comm.batch)
        return x @ self.weight.t()


class RowLinear(Leaf):
    def __init__(self, weight, comm):
        super().__init__()
        self.weight, self.comm = weight, comm

    def forward(self, x):
        y = x @ self.weight.t()
        return ScatterSequence.apply(y, self.comm) if self.comm.sp else ReduceFromTp.apply(y, self.comm)


class CoreAttention(Leaf):
    trace_slots = ("q", "k", "v")

    def __init__(self, width, comm, positions, all_positions):
        super().__init__()
        self.width, self.comm, self.positions, self.all_positions = width, comm, positions, all_positions

    def forward(self, q, k, v):
        split = lambda t: t.reshape(t.shape[0], t.shape[1], -1, self.width)  # noqa: E731
        out = RingAttention.apply(split(q), split(k), split(v), self.comm, self.positions, self.all_positions)
        return out.flatten(2)


class Attention(nn.Module):
    def __init__(self, make, name, job, comm, positions, all_positions):
        super().__init__()
        h, self.width = job["hidden"], job["hidden"] // job["heads"]
        self.linear_qkv = ColumnLinear(make(name + ".linear_qkv.weight", [3 * h, h], {"tp": "S(0)"}), comm)
        self.core_attention = CoreAttention(self.width, comm, positions, all_positions)
        self.linear_proj = RowLinear(make(name + ".linear_proj.weight", [h, h], {"tp": "S(1)"}), comm)
        half = self.width // 2
        angle = positions.cpu().double().view(-1, 1) * (10000.0 ** (-torch.arange(half).double() / half)).view(1, -1)
        self.cos, self.sin = (f(angle).float().view(-1, 1, 1, half).to(job["device"]) for f in (torch.cos, torch.sin))

    def rotate(self, x):
        a, b = x.float().chunk(2, -1)
        return torch.cat([a * self.cos - b * self.sin, a * self.sin + b * self.cos], -1).to(x.dtype)

    def forward(self, x):
        qkv = self.linear_qkv(x)
        heads = qkv.view(qkv.shape[0], qkv.shape[1], -1, 3, self.width)
        q, k, v = self.rotate(heads[..., 0, :]), self.rotate(heads[..., 1, :]), heads[..., 2, :]
        return self.linear_proj(self.core_attention(q.flatten(2), k.flatten(2), v.flatten(2)))


class DenseMlp(nn.Module):
    def __init__(self, make, name, job, comm):
        super().__init__()
        h, f = job["hidden"], job["ffn"]
        self.linear_fc1 = ColumnLinear(make(name + ".linear_fc1.weight", [2 * f, h], {"tp": "G(0,2)"}), comm)
        self.linear_fc2 = RowLinear(make(name + ".linear_fc2.weight", [h, f], {"tp": "S(1)"}), comm)

    def forward(self, x):
        gate, up = self.linear_fc1(x).chunk(2, -1)
        return self.linear_fc2((nn.functional.silu(gate.float()) * up.float()).to(x.dtype))


class Router(Leaf):
    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def forward(self, x):
        return x.float() @ self.weight.float().t()


class MoeMlp(nn.Module):
    """Every expert sees every token, gates choose: enough to train a router."""

    def __init__(self, make, name, job, comm):
        super().__init__()
        self.router = Router(make(name + ".router.weight", [job["experts"], job["hidden"]], {}))
        self.experts = nn.ModuleList(DenseMlp(make, "%s.experts.%d" % (name, e), job, comm) for e in range(job["experts"]))

    def forward(self, x):
        gates = self.router(x).softmax(-1)
        return sum((gates[..., e : e + 1] * expert(x).float()).to(x.dtype) for e, expert in enumerate(self.experts))


class Layer(nn.Module):
    def __init__(self, make, index, job, comm, positions, all_positions):
        super().__init__()
        name = "decoder.layers.%d" % index
        self.input_layernorm = RMSNorm(make(name + ".input_layernorm.weight", [job["hidden"]], {}))
        self.self_attention = Attention(make, name + ".self_attention", job, comm, positions, all_positions)
        self.pre_mlp_layernorm = RMSNorm(make(name + ".pre_mlp_layernorm.weight", [job["hidden"]], {}))
        self.mlp = (MoeMlp if job["experts"] else DenseMlp)(make, name + ".mlp", job, comm)

    def forward(self, x):
        x = x + self.self_attention(self.input_layernorm(x))
        return x + self.mlp(self.pre_mlp_layernorm(x))


class Decoder(nn.Module):
    def __init__(self, layers, final):
        super().__init__()
        self.layers = nn.ModuleDict(layers)
        if final is not None:
            self.final_layernorm = final


class Gpt(nn.Module):
    def __init__(self, job, comm):
        super().__init__()
        self.job, self.comm, self.places = job, comm, {}
        dtype = torch.bfloat16 if job["precision"] == "bfloat16" else torch.float32

        def make(name, shape, place):
            where = trace.lower(shape, place, comm.coords, comm.size)
            boxes, local, norm = where["boxes"], where["local"], "layernorm" in name
            sigma = 0.1 if norm else 1.0 if "embedding" in name else 1 / math.sqrt(shape[-1])
            master = trace.generate("param/" + name, job["seed"], shape, boxes, local, sigma, 1.0 if norm else 0.0, job["device"])
            weight = nn.Parameter(master.to(dtype))
            weight.main_param, weight.main_grad = master, torch.zeros_like(master)
            weight.needs_tp_sum = comm.sp and (norm or "router" in name)
            weight.is_split = place.get("tp", "R") != "R"
            self.places[name] = (shape, place)
            return weight

        pp, stage = comm.size["pp"], comm.coords["pp"]
        least, extra = divmod(job["layers"], pp)
        extra = 0 if comm.bug == "pp-division" else extra
        first = stage * least + min(stage, extra)
        own = range(first, first + least + (stage < extra))
        positions = zigzag(job["seq"], comm.size["cp"], comm.coords["cp"]).to(job["device"])
        all_positions = torch.cat([zigzag(job["seq"], comm.size["cp"], r) for r in range(comm.size["cp"])]).to(job["device"])
        self.positions, self.first, self.last = positions, stage == 0, stage == pp - 1
        if self.first or (self.last and job["tied"]):
            table = make("embedding.word_embeddings.weight", [job["vocab"], job["hidden"]], {"tp": "S(0)"})
            self.embedding = nn.Module()
            self.embedding.word_embeddings = VocabEmbedding(table, comm)
        layers = {str(i): Layer(make, i, job, comm, positions, all_positions) for i in own}
        self.decoder = Decoder(layers, RMSNorm(make("decoder.final_layernorm.weight", [job["hidden"]], {})) if self.last else None)
        if self.last:
            head = self.embedding.word_embeddings.weight if job["tied"] else make("output_layer.weight", [job["vocab"], job["hidden"]], {"tp": "S(0)"})
            self.output_layer = ColumnLinear(head, comm)

    def forward(self, x, tokens):
        if self.first:
            x = self.embedding.word_embeddings(tokens)
        layers = list(self.decoder.layers.values())
        chunk = self.job["recompute"]
        for start in range(0, len(layers), chunk or 1):
            part = layers[start : start + (chunk or 1)]

            def run(h, part=part):
                given = h
                for layer in part:
                    h = layer(given if self.comm.bug == "recompute-input" else h)
                return h

            x = Checkpoint.apply(x, run) if chunk else run(x)
        return self.output_layer(self.decoder.final_layernorm(x)) if self.last else x


def annotation(model, job, comm):
    base = trace.megatron_placements(job["hidden"], job["ffn"], job["vocab"], job["seq"], job["batch"], comm.sp)

    def annotate(name, kind):
        if kind in ("in", "out"):
            if name.endswith("router") and kind == "out":
                return [job["seq"], job["batch"], job["experts"]], base(name, "in")[1]
            return base(name, kind)
        shape, place = model.places[name]
        pending = {"cp": "P(sum)"} if kind == "wgrad" else {}
        if kind == "wgrad" and comm.sp and ("layernorm" in name or "router" in name):
            pending["tp"] = "P(sum)"
        if kind == "wgrad" and job["tied"] and "embedding" in name:
            pending["pp"] = "P(sum)"
        return shape, dict(place, **pending)

    return annotate
