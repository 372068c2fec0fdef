"""What ranks do together: process groups of a mesh, collectives with gradients, attention and loss over split axes.
The four bugs of the attention ring stand in RingAttention."""
import math

import torch
import torch.distributed as dist

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
