"""Runs plans of the moe-overlap room on PyTorch: one process per GPU, NCCL (or Gloo on CPUs for a check).

    torchrun --nproc-per-node 2 run_plan.py --plans runner-plans.json --out measured.json

The plan's operations run in its order: computations on one stream, exchanges on another (high priority), tied by events.
Sizes of dispatch exchanges travel first; the host waits for them as late as the order allows. Weight gradients are
operations of their own (x and dY are kept, the product comes where the plan says). `--ratios` emulates slow links: every
exchange is sent R times, R chosen so that t_a2a / t_expert comes near the given value. Say "emulated" when you quote such
times. The stack has no embedding, no head, no gradient all-reduce and no update.
"""

import argparse
import json
import os
import statistics
import time

import torch
import torch.distributed as dist
import torch.nn.functional as F


class Buffer:
    """Rows by slot; `counts` on the host once they are known. `max_rows` rows are allocated before."""

    def __init__(self, data, counts=None, counts_dev=None, event=None, recv=None):
        self.data, self.counts, self.counts_dev, self.event, self.recv = data, counts, counts_dev, event, recv
        self.back = None

    def host_counts(self):
        if self.counts is None:
            if self.event is not None:
                self.event.synchronize()
            self.counts = self.counts_dev.tolist()
        return self.counts


class Places:
    def __init__(self, expert, place, kept, counts):
        self.expert, self.place, self.kept, self.counts = expert, place, kept, counts

    def position(self):
        starts = torch.cumsum(self.counts, 0) - self.counts
        return torch.where(self.kept, starts[self.expert] + self.place, torch.zeros_like(self.place))


class Saved(list):
    """What attention keeps for its backward pass, one entry per part."""


def attention(q, k, v):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    mask = torch.triu(torch.full(scores.shape[-2:], float("-inf"), device=q.device), 1)
    return torch.softmax(scores + mask, -1) @ v


class Runner:
    def __init__(self, sizes, device, seed):
        self.s, self.device = sizes, device
        self.rank, self.world = dist.get_rank(), dist.get_world_size()
        self.is_cuda = device.type == "cuda"
        self.repeat = 1
        if self.is_cuda:
            self.main = torch.cuda.current_stream()
            self.comm = torch.cuda.Stream(priority=-1)
        h, f, el = sizes["hidden"], sizes["inner"], sizes["expertsPerRank"]
        self.w = {}

        def add(name, *shape, own=False):
            g = torch.Generator().manual_seed(seed + sum(map(ord, name)) * 7919 + (self.rank + 1 if own else 0))
            self.w[name] = (torch.randn(*shape, generator=g) / shape[-2] ** 0.5).to(device)

        for l in range(sizes["layers"]):
            add(f"w.{l}.qkv", h, 3 * h)
            add(f"w.{l}.o", h, h)
            if l % 2 == 1:
                add(f"w.{l}.gate", h, el * self.world)
                add(f"w.{l}.fc1", el, h, f, own=True)
                add(f"w.{l}.fc2", el, f, h, own=True)
            else:
                add(f"w.{l}.fc1", h, f)
                add(f"w.{l}.fc2", f, h)
        g = torch.Generator().manual_seed(seed + 31 * self.rank)
        n = sizes["batch"] * sizes["seq"]
        # A common direction makes some experts popular, so that exchanges are irregular and tokens are dropped.
        self.inputs = {
            "x0": (torch.randn(n, h, generator=g) + 0.05).to(device),
            "dy": (torch.randn(n, h, generator=g) / n).to(device),
        }

    # Streams and exchanges

    def event(self, stream=None):
        if not self.is_cuda:
            return None
        e = torch.cuda.Event(enable_timing=True)
        e.record(stream or self.main)
        return e

    def exchange(self, buffer, ready):
        """Rows by expert → rows by (source, local expert), and back. Returns the buffer and its event."""
        el = self.s["expertsPerRank"]
        counts = buffer.host_counts()
        recv_counts = self.other_counts(buffer)
        send = [sum(counts[r * el : (r + 1) * el]) for r in range(self.world)]
        recv = [sum(recv_counts[r * el : (r + 1) * el]) for r in range(self.world)]
        shape, data = (sum(recv), buffer.data.shape[1]), buffer.data[: sum(send)]
        if self.is_cuda:
            with torch.cuda.stream(self.comm):
                # Allocated on this stream: on the other one, kernels under way might still use the memory.
                out = torch.empty(shape, device=self.device, dtype=data.dtype)
                if ready is not None:
                    self.comm.wait_event(ready)
                begin = self.event(self.comm)
                for _ in range(self.repeat):
                    dist.all_to_all_single(out, data, recv, send)
                done = self.event(self.comm)
            data.record_stream(self.comm)
            out.record_stream(self.main)
        else:
            begin, done = None, None
            out = torch.empty(shape, dtype=data.dtype)
            for _ in range(self.repeat):
                dist.all_to_all_single(out, data.contiguous(), recv, send)
        result = Buffer(out, counts=recv_counts)
        result.back = counts
        return result, done, begin

    @staticmethod
    def other_counts(buffer):
        """Rows per slot on the other side of the exchange; the host waits here if they are still under way."""
        if buffer.back is None and buffer.recv is not None:
            if buffer.event is not None:
                buffer.event.synchronize()
            buffer.back = buffer.recv.tolist()
        return buffer.back

    def send_counts(self, counts):
        """Small exchange of counts right after encoding; both ends are copied to the host without waiting."""
        recv = torch.empty_like(counts)
        if not self.is_cuda:
            dist.all_to_all_single(recv, counts)
            return counts.clone(), recv, None
        ready = self.event()
        with torch.cuda.stream(self.comm):
            self.comm.wait_event(ready)
            dist.all_to_all_single(recv, counts)
            own_host = torch.empty(counts.shape, dtype=counts.dtype, pin_memory=True)
            recv_host = torch.empty(counts.shape, dtype=counts.dtype, pin_memory=True)
            own_host.copy_(counts, non_blocking=True)
            recv_host.copy_(recv, non_blocking=True)
            event = torch.cuda.Event()
            event.record(self.comm)
        counts.record_stream(self.comm)
        recv.record_stream(self.comm)
        return own_host, recv_host, event

    # Operations

    def rows(self, value, part, of):
        n = value.shape[0] // of
        return value[part * n : (part + 1) * n]

    def cut(self, value, part, of):
        if isinstance(value, torch.Tensor):
            return self.rows(value, part, of)
        if isinstance(value, Buffer):
            counts, pieces, own, at = value.host_counts(), [], [], 0
            bounds = lambda c: (c * part // of, c * (part + 1) // of)
            for c in counts:
                a, b = bounds(c)
                pieces.append(value.data[at + a : at + b])
                own.append(b - a)
                at += c
            made = Buffer(torch.cat(pieces), counts=own)
            made.back = [bounds(c)[1] - bounds(c)[0] for c in self.other_counts(value)]
            return made
        raise TypeError(type(value))

    def merge(self, parts):
        first = parts[0]
        if isinstance(first, torch.Tensor):
            return torch.cat(parts)
        if isinstance(first, Saved):
            return Saved(entry for part in parts for entry in part)
        if isinstance(first, Places):
            before, places = torch.zeros_like(first.counts), []
            for p in parts:
                places.append(p.place + before[p.expert])
                before = before + p.counts
            return Places(
                torch.cat([p.expert for p in parts]), torch.cat(places), torch.cat([p.kept for p in parts]), before
            )
        counts = [p.host_counts() for p in parts]
        at, pieces = [0] * len(parts), []
        for slot in range(len(counts[0])):
            for i, p in enumerate(parts):
                pieces.append(p.data[at[i] : at[i] + counts[i][slot]])
                at[i] += counts[i][slot]
        made = Buffer(torch.cat(pieces), counts=[sum(c) for c in zip(*counts)])
        backs = [self.other_counts(p) for p in parts]
        if all(b is not None for b in backs):
            made.back = [sum(c) for c in zip(*backs)]
        return made

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
        made.back = self.other_counts(buffer)
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
            rows = torch.where(p.kept, position, torch.full_like(position, n))
            out = torch.zeros(n + 1, h, device=self.device).index_copy_(0, rows, weight * d)[:n]
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
                expert, kept, h = (self.rows(t, part, of) for t in (expert, kept, h))
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
        rows = torch.where(kept, p.position(), torch.full_like(place, n))
        data = torch.zeros(n + 1, h.shape[1], device=self.device, dtype=h.dtype).index_copy_(0, rows, h)
        own, recv, event = self.send_counts(counts)
        sent = Buffer(data, counts_dev=own, event=event, recv=recv)
        return {f"{l}.places": p, f"{l}.sent": sent}

    @torch.no_grad()
    def step(self, ops, timing=None):
        values, ready, self.used = dict(self.inputs), {}, {}
        last = {name: i for i, op in enumerate(ops) for name in op["ins"]}
        for i, op in enumerate(ops):
            for name in ops[i - 1]["ins"] if i > 0 else ():
                # Read for the last time: its memory is free for what comes.
                if last[name] == i - 1 and not name.startswith("w."):
                    values.pop(name, None)
            part, of, source = op["part"], op["of"], op["source"]

            def look(name):
                own = f"{name}#{part}"
                if of > 1 and own in values:
                    return values[own], ready.get(own)
                value = values[name]
                is_whole = of == 1 or (source.endswith(".encode") and self.s["gate"] == "bpr")
                return (value if is_whole else self.cut(value, part, of)), ready.get(name)

            if op["isComm"]:
                name = op["ins"][0].split("#")[0]
                # A cut buffer is made on the compute stream; then everything so far must be awaited.
                is_own = of == 1 or f"{name}#{part}" in values
                buffer, event = look(name)
                out, done, begin = self.exchange(buffer, event if is_own else self.event())
                values[op["outs"][0]], ready[op["outs"][0]] = out, ("comm", done)
                if timing is not None and done is not None:
                    timing.append((op["id"], "comm", begin, done))
                continue

            def get(name):
                value, event = look(name)
                return value

            if self.is_cuda:
                waited = set()
                for name in op["ins"]:
                    event = ready.get(name)
                    if isinstance(event, tuple) and id(event) not in waited:
                        waited.add(id(event))
                        self.main.wait_event(event[1])
                        ready[name] = event[1]
            begin = self.event() if timing is not None else None
            if op["isMerge"]:
                made = {op["outs"][0]: self.merge([values[n] for n in op["ins"]])}
            else:
                made = self.kernel(source, part, of, get)
            event = self.event()
            for name, value in made.items():
                key = name if name in op["outs"] else f"{name}#{part}"
                values[key], ready[key] = value, event
            if timing is not None and event is not None:
                timing.append((op["id"], "compute", begin, event))
        if self.is_cuda:
            self.main.wait_stream(self.comm)
        return values


def results_of(values, layers):
    names = [n for n in values if n.startswith("g.") or n in ("d.x0", f"x{layers}")]
    whole = {}
    for n in names:
        whole[n] = values[n]
    if f"x{layers}" not in whole:
        parts = [values[f"x{layers}#{i}"] for i in range(16) if f"x{layers}#{i}" in values]
        whole[f"x{layers}"] = torch.cat(parts)
    return whole


def union_ms(spans):
    total, end = 0.0, -1e30
    for a, b in sorted(spans):
        if b > end:
            total += b - max(a, end)
            end = b
    return total


def measure(runner, ops, warm, rounds):
    device = runner.device
    sync = (lambda: torch.cuda.synchronize(device)) if runner.is_cuda else (lambda: None)
    times = []
    for i in range(warm + rounds):
        sync()
        dist.barrier()
        sync()
        begin = time.perf_counter()
        runner.step(ops)
        sync()
        if i >= warm:
            times.append((time.perf_counter() - begin) * 1e3)
    exposed, spans = [], []
    if runner.is_cuda:
        for _ in range(3):
            timing = []
            sync()
            dist.barrier()
            zero = runner.event()
            runner.step(ops, timing)
            sync()
            spans = [(n, lane, zero.elapsed_time(a), zero.elapsed_time(b)) for n, lane, a, b in timing]
            compute = union_ms([(a, b) for _, lane, a, b in spans if lane == "compute"])
            both = union_ms([(a, b) for _, _, a, b in spans])
            exposed.append(both - compute)
    return times, exposed, spans


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plans", required=True, nargs="+", help="runner-plans.json, one per ratio")
    parser.add_argument("--out", default="measured.json")
    parser.add_argument("--warm", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--native", action="store_true", help="also run without emulation, with the first plans")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=1e9, help="seconds after which no further setting starts")
    args = parser.parse_args()
    started = time.time()
    is_cuda = torch.cuda.is_available()
    local = int(os.environ.get("LOCAL_RANK", 0))
    device = torch.device("cuda", local) if is_cuda else torch.device("cpu")
    if is_cuda:
        torch.cuda.set_device(device)
        torch.backends.cuda.matmul.allow_tf32 = True
    dist.init_process_group("nccl" if is_cuda else "gloo")
    report = {"device": torch.cuda.get_device_name(device) if is_cuda else "cpu", "torch": torch.__version__, "settings": []}
    for index, file in enumerate(args.plans):
        with open(file) as f:
            plans = json.load(f)
        runner = Runner(plans["sizes"], device, args.seed)
        reference = None
        none = plans["plans"][0]["ops"]
        ratios = [None] if args.native and index == 0 else []
        ratios.append(plans["ratio"] if is_cuda else None)
        _, _, spans = measure(runner, none, 2, 1)
        natively = ratio_of(spans)
        for ratio in ratios:
            if time.time() - started > args.limit:
                break
            runner.repeat = 1
            if ratio is not None:
                runner.repeat = agree(max(1, round(ratio / natively)), device)
            setting = {"file": os.path.basename(file), "asked": ratio, "native": natively, "repeat": runner.repeat, "modes": {}}
            for plan in plans["plans"]:
                times, exposed, spans = measure(runner, plan["ops"], args.warm, args.rounds)
                values = results_of(runner.step(plan["ops"]), plans["sizes"]["layers"])
                reference = reference or values
                worst = max(
                    ((values[n] - reference[n]).abs().max() / reference[n].abs().max().clamp_min(1e-30)).item() for n in reference
                )
                setting["modes"][plan["mode"]] = {
                    "stepMs": statistics.median(times),
                    "exposedMs": statistics.median(exposed) if exposed else None,
                    "worstRelativeDifference": worst,
                    "spans": spans if plan["mode"] in ("none", "exact") else [],
                    "ratio": ratio_of(spans) if spans else None,
                    "spanMs": summed(spans),
                }
                if dist.get_rank() == 0:
                    m = setting["modes"][plan["mode"]]
                    print(os.path.basename(file), ratio, runner.repeat, plan["mode"], f"{m['stepMs']:.2f} ms", "exposed", m["exposedMs"], f"diff {worst:.1e}", flush=True)
            report["settings"].append(setting)
            if dist.get_rank() == 0:
                with open(args.out, "w") as f:
                    json.dump(report, f)
        del runner, reference
        if is_cuda:
            torch.cuda.empty_cache()
    if dist.get_rank() == 0:
        with open(args.out, "w") as f:
            json.dump(report, f)
    dist.destroy_process_group()


def ratio_of(spans):
    """Dispatch time over expert time, medians over layers; 1 where nothing was timed."""
    a2a = [b - a for n, _, a, b in spans if ".a2a.back" in n and "#" not in n]
    e1 = [b - a for n, _, a, b in spans if n.endswith(".exp1")]
    e2 = [b - a for n, _, a, b in spans if n.endswith(".exp2")]
    if not a2a or not e1:
        return 1.0
    return statistics.median(a2a) / (statistics.median(e1) + statistics.median(e2))


def summed(spans):
    total = {}
    for n, lane, a, b in spans:
        total[n] = b - a
    return total


def agree(value, device):
    """All ranks must repeat alike."""
    t = torch.tensor([value], device=device)
    dist.broadcast(t, 0)
    return int(t.item())


if __name__ == "__main__":
    main()
