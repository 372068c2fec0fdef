"""A parallel GPT in plain PyTorch with 17 silent bugs, recorded by the collector. Real processes, real collectives:
Gloo on CPUs (torch 1.13 or later), NCCL on GPUs.

    python3 torch_gpt.py jobs.json          # a list of jobs, all run by one group of processes
A job: {"out": folder, "role": "candidate", "mesh": {"tp": 2}, "precision": "float32", "bug": "", "sp": false, ...}.
Sizes, names, weights and tokens are those of the simulator, so that its traces can be compared with these."""
import json
import math
import os
import sys
import tempfile
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "collector"))
import tenfold_trace as trace  # noqa: E402

DEFAULTS = dict(role="candidate", mesh={}, precision="float32", bug="", sp=False, tied=False, experts=0, recompute=0, zero=False,
                layers=4, hidden=64, heads=4, ffn=128, vocab=128, seq=32, batch=1, micro=4, steps=1, perturb=0, level="full", buckets=1024,
                isolate=False, masked=False, seed=1, top_k=2, record=True, device="cpu", overwrite=True)
AXES = ("tp", "cp", "dp", "pp")


class Comm:
    """Process groups of a mesh, first axis fastest."""

    def __init__(self, job, rank):
        self.size = {a: job["mesh"].get(a, 1) for a in AXES}
        self.world = math.prod(self.size.values())
        self.coords, rest = {}, rank
        for a in AXES:
            self.coords[a], rest = rest % self.size[a], rest // self.size[a]
        self.bug, self.sp, self.job = job["bug"], job["sp"] and self.size["tp"] > 1, job

    # With two processes every axis larger than one is the whole world.
    def all_reduce(self, x, axis, op=None):
        if self.size[axis] == 1:
            return x
        y = (x.detach().float() if x.is_floating_point() else x.detach()).clone(memory_format=torch.contiguous_format)
        dist.all_reduce(y, op=op or dist.ReduceOp.SUM)
        return y.to(x.dtype)

    def gather(self, x, axis):
        if self.size[axis] == 1:
            return x
        y = x.detach().float().contiguous() if x.is_floating_point() else x.detach().contiguous()
        parts = [torch.empty_like(y) for _ in range(self.size[axis])]
        dist.all_gather(parts, y)
        return torch.cat(parts).to(x.dtype)

    def scatter_sum(self, x, axis, shift=0):
        return self.own(self.all_reduce(x, axis), axis, shift)

    def own(self, x, axis, shift=0):
        return x.chunk(self.size[axis])[(self.coords[axis] + shift) % self.size[axis]].contiguous()


class CopyToTp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return ctx.comm.all_reduce(grad, "tp"), None


class ReduceFromTp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        return comm.all_reduce(x, "tp")

    @staticmethod
    def backward(ctx, grad):
        return grad, None


class GatherSequence(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return comm.gather(x, "tp")

    @staticmethod
    def backward(ctx, grad):
        return ctx.comm.scatter_sum(grad, "tp"), None


class ScatterSequence(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, comm):
        ctx.comm = comm
        return comm.scatter_sum(x, "tp")

    @staticmethod
    def backward(ctx, grad):
        return ctx.comm.gather(grad, "tp"), None


class DeferredLinear(torch.autograd.Function):
    """The weight gradient waits in a list; somebody flushes it before the reduction."""

    @staticmethod
    def forward(ctx, x, weight, deferred, batch):
        ctx.save_for_backward(x, weight)
        ctx.deferred, ctx.batch = deferred, batch
        return x @ weight.t()

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        ctx.deferred.append((ctx.batch, lambda: grad.reshape(-1, grad.shape[-1]).t() @ x.reshape(-1, x.shape[-1])))
        return grad @ weight, None, None, None


def zigzag(seq, cp, rank):
    if cp == 1:
        return torch.arange(seq)
    chunk = seq // (2 * cp)
    return torch.cat([torch.arange(chunk) + rank * chunk, torch.arange(chunk) + (2 * cp - 1 - rank) * chunk])


class RingAttention(torch.autograd.Function):
    """Causal attention over gathered keys with a hand-written backward pass. q [S, B, H, D]."""

    @staticmethod
    def scores(q, keys, future):
        scores = torch.einsum("sbhd,tbhd->bhst", q.float(), keys.float()) / math.sqrt(q.shape[-1])
        return scores.masked_fill(future, float("-inf"))

    @staticmethod
    def forward(ctx, q, k, v, comm, positions, all_positions):
        keys, values = comm.gather(k, "cp"), comm.gather(v, "cp")
        ctx.comm, ctx.future = comm, all_positions.view(1, 1, 1, -1) > positions.view(1, 1, -1, 1)
        p = RingAttention.scores(q, keys, ctx.future).softmax(-1)
        ctx.save_for_backward(q, keys, values, p)
        return torch.einsum("bhst,tbhd->sbhd", p, values.float()).to(q.dtype)

    @staticmethod
    def backward(ctx, grad):
        q, keys, values, p = ctx.saved_tensors
        comm, grad = ctx.comm, grad.contiguous()
        size, bug = comm.size["cp"], comm.bug if comm.size["cp"] > 1 else ""
        if bug == "cp-attention-backward":
            s, b, h, d = grad.shape
            grad = grad.view(-1).view(b, h, s, d).permute(2, 0, 1, 3)  # the buffer read as if it were [B, H, S, D]
        grad = grad.float()
        d_p = torch.einsum("sbhd,tbhd->bhst", grad, values.float())
        delta = (d_p * p).sum(-1, keepdim=True)  # sum of dO * O
        if bug in ("cp-ring-first-block", "cp-ring-local-lse"):
            scores = RingAttention.scores(q, keys, ctx.future)
            lse = scores.logsumexp(-1, keepdim=True)
            if bug == "cp-ring-local-lse":  # of the own block, not the merged one
                lse = scores.chunk(size, -1)[comm.coords["cp"]].logsumexp(-1, keepdim=True)
            else:  # the own keys and values serve in every step of the ring
                keys, values = (torch.cat([comm.own(x, "cp")] * size) for x in (keys, values))
                scores = RingAttention.scores(q, keys, ctx.future)
                d_p = torch.einsum("sbhd,tbhd->bhst", grad, values.float())
            p = (scores - lse).exp()
        d_values = torch.einsum("bhst,sbhd->tbhd", p, grad)
        d_scores = p * (d_p - delta) / math.sqrt(q.shape[-1])
        d_q = torch.einsum("bhst,tbhd->sbhd", d_scores, keys.float())
        d_keys = torch.einsum("bhst,sbhd->tbhd", d_scores, q.float())
        shift = -1 if bug == "cp-ring-owner" else 0  # one hop short of home
        d_keys, d_values = (comm.scatter_sum(x, "cp", shift).to(q.dtype) for x in (d_keys, d_values))
        return d_q.to(q.dtype), d_keys, d_values, None, None, None


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


class Checkpoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, run):
        ctx.run = run
        ctx.save_for_backward(x)
        with torch.no_grad():
            return run(x)

    @staticmethod
    def backward(ctx, grad):
        x = ctx.saved_tensors[0].detach().requires_grad_()
        with torch.enable_grad():
            y = ctx.run(x)
        torch.autograd.backward(y, grad)
        return x.grad, None


class CrossEntropy(torch.autograd.Function):
    """Sum over local tokens of -log p, vocabulary split over TP; targets of -1 do not count."""

    @staticmethod
    def forward(ctx, logits, targets, comm):
        x = logits.float()
        top = comm.all_reduce(x.max(-1)[0], "tp", dist.ReduceOp.MAX) if comm.size["tp"] > 1 else x.max(-1)[0]
        x = x - top.unsqueeze(-1)
        start = x.shape[-1] * comm.coords["tp"]
        mine = (targets >= start) & (targets < start + x.shape[-1])
        index = (targets - start).masked_fill(~mine, 0).unsqueeze(-1)
        picked = x.gather(-1, index).squeeze(-1).masked_fill(~mine, 0)
        total, picked = comm.all_reduce(x.exp().sum(-1), "tp"), comm.all_reduce(picked, "tp")
        p = x.exp() / total.unsqueeze(-1)
        counts = targets >= 0
        ctx.save_for_backward(p.scatter_add(-1, index, -mine.float().unsqueeze(-1)) * counts.unsqueeze(-1))
        ctx.dtype = logits.dtype
        return ((total.log() - picked) * counts).sum()

    @staticmethod
    def backward(ctx, grad):
        return (ctx.saved_tensors[0] * grad).to(ctx.dtype), None, None


def tokens_of(job, batch):
    """[S + 1, B]; the first and last id of every vocabulary shard occur."""
    count = (job["seq"] + 1) * job["batch"]
    return trace.generate_tokens("tokens/mb%d" % batch, job["seed"], count, job["vocab"], 8).view(job["seq"] + 1, job["batch"])


def valid_positions(job, batch):
    """Of a masked job: five times as many in even micro-batches as in odd ones."""
    return job["seq"] * (15 if batch % 2 == 0 else 3) // 16 if job["masked"] else job["seq"]


def mean_tokens(job, comm, local):
    """Valid tokens of a micro-batch on average over the step, by which every rank divides its losses."""
    dp = comm.size["dp"]
    own = torch.tensor([float(sum(valid_positions(job, m * dp + comm.coords["dp"]) for m in range(local)) * job["batch"])], device=job["device"])
    if comm.bug == "dp-token-mean":  # of this rank alone
        return float(own) / local
    return float(comm.all_reduce(own, "dp")) / job["micro"] if job["masked"] else job["seq"] * job["batch"]


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


def train(job, rank):
    comm = Comm(job, rank)
    torch.manual_seed(0)
    model = Gpt(job, comm)
    dp, cp, pp = comm.size["dp"], comm.size["cp"], comm.size["pp"]
    local = job["micro"] // dp
    factor = cp / local
    tokens_per_batch = mean_tokens(job, comm, local)
    if job["record"]:
        perturb = {"seed": job["perturb"], "ulps": job.get("ulps", 1)} if job["perturb"] else None
        trace.start(job["out"], job["role"], mesh=comm.size, precision=job["precision"], loss_factor=factor, level=job["level"], buckets=job["buckets"],
                    perturb=perturb, rewrite=job["isolate"], rank=rank, world=comm.world, seed=job["seed"], overwrite=job["overwrite"], numLayers=job["layers"],
                    numMicroBatches=job["micro"])
        trace.watch(model, annotate=annotation(model, job, comm))
    deferred = []
    if model.last and pp > 1 and not job["tied"]:
        model.output_layer.deferred = deferred
    parameters = list(model.named_parameters())
    moments = {name: (torch.zeros_like(p.main_param), torch.zeros_like(p.main_param)) for name, p in parameters}
    for step in range(job["steps"]):
        started, used = time.time(), time.process_time()
        trace.step(step)
        for _, p in parameters:
            p.main_grad.zero_()
        loss = run_batches(model, job, comm, local, factor, tokens_per_batch, deferred, parameters)
        if comm.bug != "overlap-flush":
            flush(deferred, model)
        reduce_gradients(parameters, comm, dp * (1 if comm.bug == "cp-loss-scale" else cp) if comm.bug != "dp-loss-scale" else cp, deferred, model)
        trace.main_grads(model)
        total = comm.all_reduce(comm.all_reduce(torch.tensor([loss], device=job["device"]), "dp"), "cp")
        if model.last:
            trace.scalar("loss", total)
        adam(parameters, moments, step + 1, comm, job)
        trace.params_after(model)
        job["step_sec"] = min(job.get("step_sec", math.inf), time.time() - started)
        job["step_cpu_sec"] = min(job.get("step_cpu_sec", math.inf), time.process_time() - used)
    trace.finish()
    trace._current = None
    return float(total)


def run_batches(model, job, comm, local, factor, tokens_per_batch, deferred, parameters):
    shape = [len(model.positions) // (comm.size["tp"] if comm.sp else 1), job["batch"], job["hidden"]]
    dtype = torch.bfloat16 if job["precision"] == "bfloat16" else torch.float32
    flights, sends, loss = [], [], 0.0

    def receive(source):
        x = torch.empty(shape, dtype=torch.float32, device=job["device"])
        dist.recv(x, source)
        return x.to(dtype)

    def backward(m, x, out, grad):
        comm.batch = m * comm.size["dp"] + comm.coords["dp"]
        trace.micro_batch(comm.batch)
        torch.autograd.backward(out, grad)
        if x is not None and x.grad is not None:
            sends.append((x.grad.float().contiguous(), None))
            sends[-1] = (sends[-1][0], dist.isend(sends[-1][0], 0))
        for _, p in parameters:
            if p.grad is not None:
                p.main_grad += p.grad.float()
                p.grad = None

    for m in range(local):
        comm.batch = m * comm.size["dp"] + comm.coords["dp"]
        trace.micro_batch(comm.batch)
        ids = tokens_of(job, comm.batch).to(job["device"])
        x = None if model.first else receive(0).requires_grad_()
        out = model(x, ids[model.positions])
        if not model.last:
            data = out.detach().float().contiguous()
            sends.append((data, dist.isend(data, 1)))
            flights.append((m, out))
            continue
        counts = (model.positions < valid_positions(job, comm.batch)).unsqueeze(-1)
        summed = CrossEntropy.apply(out, ids[model.positions + 1].masked_fill(~counts, -1), comm)
        loss += float(summed) / tokens_per_batch / job["micro"]
        flush(deferred, model)
        backward(m, x, summed * (factor / tokens_per_batch), None)
    for m, out in flights:
        backward(m, None, out, receive(1))
    for _, handle in sends:
        handle.wait()
    return loss


def flush(deferred, model):
    for batch, work in deferred:
        trace.micro_batch(batch)
        grad = work()
        trace.capture("wgrad", "output_layer.weight", grad, batch=batch)
        model.output_layer.weight.main_grad += grad.float()
    del deferred[:]


def reduce_gradients(parameters, comm, divisor, deferred, model):
    """Issues every reduction, then waits: what is added in between is lost."""
    issued = []
    for name, p in parameters:
        buffer = p.main_grad.clone()
        skip = (comm.bug == "sp-final-norm" and name == "decoder.final_layernorm.weight") or (comm.bug == "sp-router-grad" and "router" in name)
        shared = comm.size["dp"] > 1 or comm.size["cp"] > 1 or (p.needs_tp_sum and not skip)
        issued.append((p, buffer, dist.all_reduce(buffer, async_op=True) if shared else None))
    flush(deferred, model)
    for p, buffer, handle in issued:
        if handle is not None:
            handle.wait()
        p.main_grad = buffer / divisor
        if comm.job["tied"] and comm.size["pp"] > 1 and comm.bug != "tied-not-summed" and p is model.embedding.word_embeddings.weight:
            dist.all_reduce(p.main_grad)


def adam(parameters, moments, t, comm, job, lr=1e-3, b1=0.9, b2=0.95, eps=1e-8):
    dp, square = comm.size["dp"], torch.zeros(1)
    for name, p in parameters:
        copy = (comm.coords["tp"] > 0 and not p.is_split) or (job["tied"] and comm.coords["pp"] > 0 and "embedding" in name)
        square += 0 if copy else float(p.main_grad.double().pow(2).sum())
    square = square.to(job["device"])
    norm = comm.all_reduce(comm.all_reduce(square, "tp"), "pp").sqrt()
    trace.scalar("grad_norm", norm)
    clip = min(1.0, 1.0 / (float(norm) + eps))
    for index, (name, p) in enumerate(parameters):
        m, v = moments[name]
        g = p.main_grad * clip
        m.mul_(b1).add_(g, alpha=1 - b1)
        v.mul_(b2).addcmul_(g, g, value=1 - b2)
        update = lr * (m / (1 - b1**t)) / ((v / (1 - b2**t)).sqrt() + eps)
        if not job["zero"] or dp == 1:
            p.main_param -= update
        else:
            flat, own = p.main_param.view(-1), slice(comm.coords["dp"] * p.numel() // dp, (comm.coords["dp"] + 1) * p.numel() // dp)
            flat[own] -= update.view(-1)[own]
            if comm.bug != "zero-update" or index < len(parameters) - 1:  # the last bucket is never gathered
                flat.copy_(comm.gather(flat[own].clone(), "dp"))
        p.data.copy_(p.main_param)


def work(rank, world, jobs, init, results):
    torch.set_num_threads(1)
    if jobs[0].get("device", "cpu") != "cpu":
        torch.cuda.set_device(rank)
    backend = "nccl" if jobs[0].get("device", "cpu") != "cpu" else "gloo"
    dist.init_process_group(backend, init_method=init, rank=rank, world_size=world)
    for given in jobs:
        job = dict(DEFAULTS, **given)
        if rank < math.prod(job["mesh"].get(a, 1) for a in AXES):
            loss = train(job, rank)
            if rank == 0:
                results.append({"out": job["out"], "loss": loss, "stepSec": job["step_sec"], "stepCpuSec": job["step_cpu_sec"]})
        dist.barrier()
    if rank == 0 and init.startswith("file://"):
        with open(sys.argv[1] + ".results", "w") as f:
            json.dump(results, f)
    dist.destroy_process_group()


if __name__ == "__main__":
    with open(sys.argv[1]) as f:
        JOBS = json.load(f)
    WORLD = max(math.prod(job.get("mesh", {}).get(a, 1) for a in AXES) for job in JOBS)
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(work, args=(WORLD, JOBS, "file://" + os.path.join(folder, "store"), []), nprocs=WORLD)
