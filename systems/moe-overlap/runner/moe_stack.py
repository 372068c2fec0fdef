"""The stack that plans are run on: GPT-2 layers, every second with experts; one kernel per operation of a plan. A weight
gradient is an operation of its own. `reference_gradients` computes the same by autograd, for a check."""

import torch
import torch.distributed as dist
import torch.nn.functional as F

from plan_values import Buffer, Places, Saved, other_counts, rows


def attention(q, k, v):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    mask = torch.triu(torch.full(scores.shape[-2:], float("-inf"), device=q.device), 1)
    return torch.softmax(scores + mask, -1) @ v


def weights_of(sizes, rank, world, seed, device):
    """Alike on all ranks, but experts are each rank's own."""
    h, f, el = sizes["hidden"], sizes["inner"], sizes["expertsPerRank"]
    made = {}

    def add(name, *shape, own=False):
        g = torch.Generator().manual_seed(seed + sum(map(ord, name)) * 7919 + (rank + 1 if own else 0))
        made[name] = (torch.randn(*shape, generator=g) / shape[-2] ** 0.5).to(device)

    for l in range(sizes["layers"]):
        add(f"w.{l}.qkv", h, 3 * h)
        add(f"w.{l}.o", h, h)
        if l % 2 == 1:
            add(f"w.{l}.gate", h, el * world)
            add(f"w.{l}.fc1", el, h, f, own=True)
            add(f"w.{l}.fc2", el, f, h, own=True)
        else:
            add(f"w.{l}.fc1", h, f)
            add(f"w.{l}.fc2", f, h)
    return made


class Stack:
    def __init__(self, sizes, device, seed):
        self.s, self.device, self.seed = sizes, device, seed
        self.rank, self.world = dist.get_rank(), dist.get_world_size()
        self.w = weights_of(sizes, self.rank, self.world, seed, device)
        self.used = {}
        h = sizes["hidden"]
        g = torch.Generator().manual_seed(seed + 31 * self.rank)
        n = sizes["batch"] * sizes["seq"]
        # A common direction makes some experts popular, so that exchanges are irregular and tokens are dropped.
        self.inputs = {
            "x0": (torch.randn(n, h, generator=g) + 0.05).to(device),
            "dy": (torch.randn(n, h, generator=g) / n).to(device),
        }

    def send_counts(self, counts):
        """Sends rows per expert to their ranks. Returns (own counts, counts of the other side, event)."""
        raise TypeError("the runner says how counts travel")

    def by_slot(self, buffer, f, width):
        el, at = self.s["expertsPerRank"], 0
        out = torch.empty(buffer.data.shape[0], width, device=self.device, dtype=buffer.data.dtype)
        for slot, c in enumerate(buffer.host_counts()):
            if c > 0:
                torch.mm(buffer.data[at : at + c], f(slot % el), out=out[at : at + c])
            at += c
        return out

    def like(self, buffer, data):
        made = Buffer(data, counts=buffer.host_counts())
        made.back = other_counts(buffer)
        return made

    def outer_by_slot(self, x, d):
        el, at = self.s["expertsPerRank"], 0
        g = torch.zeros(el, x.data.shape[1], d.data.shape[1], device=self.device, dtype=x.data.dtype)
        for slot, c in enumerate(x.host_counts()):
            if c > 0:
                g[slot % el].addmm_(x.data[at : at + c].t(), d.data[at : at + c])
            at += c
        return g

    def kernel(self, source, part, of, get):
        l = int(source.split(".", 1)[0])
        name = source.split(".", 1)[1]
        s, w = self.s, self.w
        h, heads, seq = s["hidden"], s["heads"], s["seq"]
        dy = "dy" if l == s["layers"] - 1 else f"d.x{l + 1}"
        if name == "attn":
            x = get(f"x{l}").detach().requires_grad_()
            with torch.enable_grad():
                xn = F.layer_norm(x, (h,))
                qkv = (xn.detach() @ w[f"w.{l}.qkv"]).requires_grad_()
                q, k, v = (t.reshape(-1, seq, heads, h // heads).transpose(1, 2) for t in qkv.chunk(3, 1))
                mixed = attention(q, k, v).transpose(1, 2).reshape(-1, h)
            return {f"{l}.mixed": mixed.detach(), f"{l}.probs": Saved([(x, xn, qkv, mixed)])}
        if name == "proj":
            return {f"{l}.h": torch.addmm(get(f"x{l}"), get(f"{l}.mixed"), w[f"w.{l}.o"])}
        if name == "fc1":
            a = get(f"{l}.h") @ w[f"w.{l}.fc1"]
            return {f"{l}.a": a, f"{l}.g": F.gelu(a)}
        if name == "fc2":
            return {f"x{l + 1}": torch.addmm(get(f"{l}.h"), get(f"{l}.g"), w[f"w.{l}.fc2"])}
        if name == "gate":
            return {f"{l}.gates": torch.softmax(get(f"{l}.h") @ w[f"w.{l}.gate"], 1)}
        if name == "encode":
            return self.encode(l, part, of, get)
        if name == "exp1":
            got = get(f"{l}.got")
            a = self.by_slot(got, lambda e: w[f"w.{l}.fc1"][e], s["inner"])
            return {f"{l}.ea": self.like(got, a), f"{l}.eg": self.like(got, F.gelu(a))}
        if name == "exp2":
            eg = get(f"{l}.eg")
            return {f"{l}.done": self.like(eg, self.by_slot(eg, lambda e: w[f"w.{l}.fc2"][e], h))}
        if name == "decode":
            p, back = get(f"{l}.places"), get(f"{l}.back").data
            if back.shape[0] == 0:
                return {f"x{l + 1}": get(f"{l}.h").clone()}
            weight = get(f"{l}.gates").gather(1, p.expert[:, None]) * p.kept[:, None]
            return {f"x{l + 1}": torch.addcmul(get(f"{l}.h"), weight, back[p.position()])}
        if name == "fc2.dX":
            d = get(dy) @ w[f"w.{l}.fc2"].t()
            return {f"d.{l}.a": torch.ops.aten.gelu_backward(d, get(f"{l}.a"))}
        if name == "fc2.dW":
            return {f"g.{l}.fc2": get(f"{l}.g").t() @ get(dy)}
        if name == "fc1.dX":
            return {f"d.{l}.h": torch.addmm(get(dy), get(f"d.{l}.a"), w[f"w.{l}.fc1"].t())}
        if name == "fc1.dW":
            return {f"g.{l}.fc1": get(f"{l}.h").t() @ get(f"d.{l}.a")}
        if name == "decode.dX":
            p, back, gates, d = get(f"{l}.places"), get(f"{l}.back"), get(f"{l}.gates"), get(dy)
            position = p.position()
            weight = gates.gather(1, p.expert[:, None]) * p.kept[:, None]
            n = back.data.shape[0]
            slots = torch.where(p.kept, position, torch.full_like(position, n))
            out = torch.zeros(n + 1, h, device=self.device).index_copy_(0, slots, weight * d)[:n]
            dot = (d * back.data[position]).sum(1) * p.kept
            return {f"d.{l}.back": self.like(back, out), f"d.{l}.weight": dot}
        if name == "exp2.dX":
            done, ea = get(f"d.{l}.done"), get(f"{l}.ea")
            d = self.by_slot(done, lambda e: w[f"w.{l}.fc2"][e].t(), s["inner"])
            return {f"d.{l}.ea": self.like(done, torch.ops.aten.gelu_backward(d, ea.data))}
        if name == "exp2.dW":
            return {f"g.{l}.fc2": self.outer_by_slot(get(f"{l}.eg"), get(f"d.{l}.done"))}
        if name == "exp1.dX":
            ea = get(f"d.{l}.ea")
            return {f"d.{l}.got": self.like(ea, self.by_slot(ea, lambda e: w[f"w.{l}.fc1"][e].t(), h))}
        if name == "exp1.dW":
            return {f"g.{l}.fc1": self.outer_by_slot(get(f"{l}.got"), get(f"d.{l}.ea"))}
        if name == "gate.dX":
            gates, p = get(f"{l}.gates"), get(f"{l}.places")
            d = torch.zeros_like(gates).scatter_(1, p.expert[:, None], get(f"d.{l}.weight")[:, None])
            return {f"d.{l}.logits": gates * (d - (d * gates).sum(1, keepdim=True))}
        if name == "gate.dW":
            return {f"g.{l}.gate": get(f"{l}.h").t() @ get(f"d.{l}.logits")}
        if name == "encode.dX":
            p, sent = get(f"{l}.places"), get(f"d.{l}.sent")
            d = torch.addmm(get(dy), get(f"d.{l}.logits"), w[f"w.{l}.gate"].t())
            if sent.data.shape[0] > 0:
                d = torch.addcmul(d, p.kept[:, None].to(d.dtype), sent.data[p.position()])
            return {f"d.{l}.h": d}
        if name == "proj.dX":
            return {f"d.{l}.mixed": get(f"d.{l}.h") @ w[f"w.{l}.o"].t()}
        if name == "proj.dW":
            return {f"g.{l}.o": get(f"{l}.mixed").t() @ get(f"d.{l}.h")}
        if name == "attn.dX":
            saved, d = get(f"{l}.probs"), get(f"d.{l}.mixed")
            at, dxs, dqkvs = 0, [], []
            for x, xn, qkv, mixed in saved:
                n = x.shape[0]
                (dqkv,) = torch.autograd.grad(mixed, qkv, d[at : at + n], retain_graph=True)
                (dx,) = torch.autograd.grad(xn, x, dqkv @ w[f"w.{l}.qkv"].t(), retain_graph=True)
                dxs.append(dx)
                dqkvs.append(dqkv)
                at += n
            dx = dxs[0] if len(dxs) == 1 else torch.cat(dxs)
            dqkv = dqkvs[0] if len(dqkvs) == 1 else torch.cat(dqkvs)
            return {f"d.x{l}": dx + get(f"d.{l}.h"), f"d.{l}.qkv": dqkv}
        if name == "attn.dW":
            saved = get(f"{l}.probs")
            xn = saved[0][1] if len(saved) == 1 else torch.cat([entry[1] for entry in saved])
            return {f"g.{l}.qkv": xn.detach().t() @ get(f"d.{l}.qkv")}
        raise KeyError(source)

    @staticmethod
    def turn(claims, expert):
        """How many claims on a token's expert come before its own."""
        running = torch.cumsum(claims, 1, dtype=torch.int32) - 1
        return running.gather(0, expert[None, :])[0].to(torch.int64)

    def encode(self, l, part, of, get):
        s = self.s
        gates, h = get(f"{l}.gates"), get(f"{l}.h")
        experts, capacity = gates.shape[1], s["capacity"]
        value, expert = gates.max(1)
        # [experts, tokens]: scans run along contiguous rows, and nothing waits for the host as F.one_hot does.
        ids = torch.arange(experts, device=self.device)[:, None]
        one = (ids == expert).to(torch.int32)
        if s["gate"] == "bpr":
            order = torch.argsort(value, descending=True, stable=True)
            rank_in = torch.empty_like(expert)
            rank_in[order] = self.turn(one[:, order], expert[order])
            kept = rank_in < capacity
            if of > 1:
                expert, kept, h = (rows(t, part, of) for t in (expert, kept, h))
        else:
            used = self.used.get(l, torch.zeros(experts, dtype=torch.int64, device=self.device))
            kept = self.turn(one, expert) < (capacity - used)[expert]
        claimed = (ids == torch.where(kept, expert, torch.full_like(expert, -1))).to(torch.int32)
        place = self.turn(claimed, expert)
        counts = claimed.sum(1)
        if s["gate"] != "bpr":
            self.used[l] = used + counts
        p = Places(expert, place, kept, counts)
        n = h.shape[0]
        slots = torch.where(kept, p.position(), torch.full_like(place, n))
        data = torch.zeros(n + 1, h.shape[1], device=self.device, dtype=h.dtype).index_copy_(0, slots, h)
        own, recv, event = self.send_counts(counts)
        sent = Buffer(data, counts_dev=own, event=event, recv=recv)
        return {f"{l}.places": p, f"{l}.sent": sent}

    def kept_tokens(self, gates):
        """Chosen expert, gate value, and whether the expert has room, for the whole batch."""
        value, expert = gates.max(1)
        ids = torch.arange(gates.shape[1], device=self.device)[:, None]
        order = torch.arange(len(expert), device=self.device)
        if self.s["gate"] == "bpr":
            order = torch.argsort(value, descending=True, stable=True)
        rank_in = torch.empty_like(expert)
        rank_in[order] = self.turn((ids == expert[order]).to(torch.int32), expert[order])
        return expert, value, rank_in < self.s["capacity"]

    def reference_gradients(self):
        """Gradients of sum(dy · output) by autograd, every rank with all experts; experts' gradients summed over ranks."""
        s, el = self.s, self.s["expertsPerRank"]
        h, heads, seq = s["hidden"], s["heads"], s["seq"]
        own = {name: t.clone().requires_grad_() for name, t in self.w.items()}
        ranks = [weights_of(s, r, self.world, self.seed, self.device) for r in range(self.world)]
        experts = {}
        with torch.enable_grad():
            x0 = self.inputs["x0"].clone().requires_grad_()
            x = x0
            for l in range(s["layers"]):
                qkv = F.layer_norm(x, (h,)) @ own[f"w.{l}.qkv"]
                q, k, v = (t.reshape(-1, seq, heads, h // heads).transpose(1, 2) for t in qkv.chunk(3, 1))
                mixed = attention(q, k, v).transpose(1, 2).reshape(-1, h)
                y = x + mixed @ own[f"w.{l}.o"]
                if l % 2 == 0:
                    x = y + F.gelu(y @ own[f"w.{l}.fc1"]) @ own[f"w.{l}.fc2"]
                    continue
                for name in ("fc1", "fc2"):
                    whole = torch.cat([w[f"w.{l}.{name}"] for w in ranks])
                    experts[f"{l}.{name}"] = whole.requires_grad_()
                gates = torch.softmax(y @ own[f"w.{l}.gate"], 1)
                expert, value, kept = self.kept_tokens(gates)
                answer = torch.zeros_like(y)
                for e in range(gates.shape[1]):
                    mine = torch.nonzero((expert == e) & kept).flatten()
                    inner = F.gelu(y[mine] @ experts[f"{l}.fc1"][e])
                    answer = answer.index_add(0, mine, inner @ experts[f"{l}.fc2"][e])
                x = y + (value * kept)[:, None] * answer
            (x * self.inputs["dy"]).sum().backward()
        found = {"g." + name[2:]: t.grad for name, t in own.items() if t.grad is not None}
        found["d.x0"] = x0.grad
        for name, t in experts.items():
            summed = t.grad.clone()
            dist.all_reduce(summed)
            found["g." + name] = summed[self.rank * el : (self.rank + 1) * el]
        return found
