"""Runs plans of the pipe-plan room on PyTorch: one process per device, NCCL on GPUs, Gloo on CPUs.

    tenfold pipe-plan profile sd21                                    # writes profile.json
    python3 run_plan.py --profile profile.json --out measured-profile.json
    tenfold pipe-plan export measured-profile.json --devices 2 ...    # writes plan.json
    python3 run_plan.py --plan plan.json --out measured.json --trace trace.json    # or under torchrun

Modes: ddp, gpipe (equal layer counts, all forward then all backward), 1f1b (classic warm-up) and plan-nofill run the frozen
part first; plan-fill runs the next iteration's frozen part where the plan says. `--slow-link R` sends every gradient
all-reduce and every transfer R times: real traffic, an emulated slow network; say "emulated" when you quote such times.
Plan for that link with `export --slow-link R`. Weights are random. `--profile` runs on all devices at once and also measures
links, the update and what memory there is; `--out` is written after every mode, and a mode that fails loses no other.
`--check` compares gradients with the step without a pipeline (use float32).
"""

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time

import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F

from device_times import Clock
from measure_profile import profile
from sd_layers import build, frozen_layers, unet_builders

POOL = 16  # distinct inputs; samples take them in turn
MODES = ["ddp", "gpipe", "1f1b", "plan-nofill", "plan-fill"]

class Device:
    def __init__(self, plan, args, device):
        self.plan, self.args, self.device, self.arch = plan, args, device, plan["architecture"]
        self.kw = {"device": device, "dtype": getattr(torch, args.dtype)}
        self.rank, self.clock = dist.get_rank(), Clock(device)
        self.group_batch = plan["batch"] // plan["numGroups"]
        self.all_layers = unet_builders(self.arch["unet"])
        self.keeps = [skip for _, skip in self.all_layers]
        self.reader = {}
        for index, (builder, _) in enumerate(self.all_layers):
            layer = builder(device="meta")
            if getattr(layer, "reads", None) is not None:
                self.reader[layer.reads] = index
            count = sum(p.numel() for p in layer.parameters())
            if 2 * count != plan["layers"][index]["paramBytes"]:
                raise SystemExit(f"run_plan: layer {index} ({plan['layers'][index]['name']}) has {count} parameters here, "
                                 f"{plan['layers'][index]['paramBytes'] // 2} in the plan. Export the plan again.")
        torch.manual_seed(1)
        self.frozen = {i: [m.eval().requires_grad_(False) for m in ms] for i, ms in frozen_layers(self.arch, **self.kw).items()}
        g = torch.Generator().manual_seed(7)
        unet, size = self.arch["unet"], self.arch["vae"]["size"]
        self.images = torch.randn(POOL, 3, size, size, generator=g).to(**self.kw)
        self.noise = torch.randn(POOL, unet["inChannels"], unet["size"], unet["size"], generator=g).to(**self.kw)
        self.ids = torch.randint(self.arch["text"]["vocabulary"], (POOL, self.arch["text"]["tokens"]), generator=g).to(device)
        self.row = (unet["inChannels"] * unet["size"] ** 2, unet["text"]["tokens"] * unet["text"]["width"])

    def pick(self, pool, iteration, start, count):
        return pool[(torch.arange(start, start + count) + 5 * iteration) % POOL]

    def layers_of(self, start, end):
        return nn.ModuleList([build(self.all_layers[i][0], 100 + i, **self.kw) for i in range(start, end)])

    def crossing(self, cut):
        """Names of the tensors that cross: what the layer before made is x, whatever else reads it."""
        live = [k for i, k in enumerate(self.keeps[:cut]) if k is not None and self.reader[k] >= cut and i < cut - 1]
        return ["x", "time"] + [f"skip{k}" for k in live]

    def run_layers(self, layers, start, state):
        for index, layer in enumerate(layers, start):
            # A skip that arrived as x is kept under its name before x changes.
            if index > 0 and self.keeps[index - 1] is not None and f"skip{self.keeps[index - 1]}" not in state:
                if self.reader[self.keeps[index - 1]] >= index:
                    state = {**state, f"skip{self.keeps[index - 1]}": state["x"]}
            state = layer(state)
        return state

    # frozen part
    def frozen_job(self, job, iteration, offset):
        component, layer, start, count = job["component"], job["layer"], job["start"], job["count"]
        begin = self.clock.now()
        is_image = component == self.arch["vae"]["id"]
        if layer == 0:
            x = self.pick(self.images if is_image else self.ids, iteration, offset + start, count)
        else:
            x = torch.stack([self.kept.pop((component, layer - 1, s)) for s in range(start, start + count)])
        with torch.no_grad():
            y = self.frozen[component][layer](x)
        if layer == len(self.frozen[component]) - 1:
            flat = (0.18 * y[:, :4] if is_image else y).reshape(count, -1)
            lo = 0 if is_image else self.row[0]
            self.made[start:start + count, lo:lo + flat.shape[1]] = flat
        else:
            for k in range(count):
                self.kept[(component, layer, start + k)] = y[k]
        self.clock.add(f"{component}.{layer} × {count}", f"frozen {component}", begin)

    def begin_frozen(self):
        self.kept, self.made = {}, torch.zeros(self.group_batch, sum(self.row), **self.kw)

    def finish_frozen(self, group):
        if group is not None:
            for _ in range(self.args.slow_link - 1):
                dist.all_reduce(torch.zeros_like(self.made), group=group)
            dist.all_reduce(self.made, group=group)
        self.conditioned = self.made

    def whole_frozen(self, start, count):
        return [{"component": c, "layer": l, "start": start, "count": count}
                for c, layers in self.frozen.items() for l in range(len(layers)) if count > 0]

    def inputs(self, iteration, offset, start, count):
        rows, unet = self.conditioned[start:start + count], self.arch["unet"]
        t = (torch.arange(offset + start, offset + start + count, device=self.device) + 0.5) / self.plan["batch"]
        noise = self.pick(self.noise, iteration, offset + start, count)
        latent, mix = rows[:, :self.row[0]].view(noise.shape), t.to(noise.dtype)[:, None, None, None]
        text = rows[:, self.row[0]:].view(count, unet["text"]["tokens"], -1)
        return {"x": (1 - mix).sqrt() * latent + mix.sqrt() * noise, "t": t, "text": text}, noise

    def loss(self, x, noise):
        return F.mse_loss(x.float(), noise.float(), reduction="sum") / (noise[0].numel() * self.plan["batch"])

    def reduce(self, params, group, repeats):
        """Sum of gradients over the replicas; started at once, waited for by the returned function."""
        if group is None:
            return lambda: None
        flat = torch.cat([p.grad.reshape(-1) for p in params])
        works = [dist.all_reduce(c, group=group, async_op=True) for c in repeats_of(flat, repeats)]

        def wait():
            for work in works:
                work.wait()
            at = 0
            for p in params:
                p.grad.copy_(flat[at:at + p.numel()].view_as(p))
                at += p.numel()
        return wait


def repeats_of(flat, repeats):
    """What is sent to emulate a slow link: the tensor, after one that is sent in its place so many times."""
    return [torch.zeros_like(flat)] * (repeats - 1) + [flat]


class Pipeline(Device):
    """Stages, transfers and words of one mode."""

    def prepare(self, mode):
        plan = self.plan
        stages = plan["stages"]
        if mode == "gpipe":
            n, s = len(plan["layers"]), len(stages)
            ends = [round((i + 1) * n / s) for i in range(s)]
            stages = [{**st, "start": ends[i - 1] if i else 0, "end": ends[i]} for i, st in enumerate(stages)]
        self.stages, self.mode = stages, mode
        place = [(s, g, r) for s, st in enumerate(stages) for g, ranks in enumerate(st["ranks"])
                 for r, rank in enumerate(ranks) if rank == self.rank]
        self.stage, self.group, self.replica = place[0]
        self.start, self.end = stages[self.stage]["start"], stages[self.stage]["end"]
        self.is_last = self.stage == len(stages) - 1
        program = next(d for d in plan["devices"] if (d["stage"], d["replica"]) == (self.stage, self.replica))
        m, warm = plan["numMicroBatches"], len(stages) - self.stage - 1
        self.jobs = program["frozen"]
        if mode == "gpipe":
            self.words = [f"F{i}" for i in range(m)] + [f"B{i}" for i in range(m)]
        elif mode == "1f1b":
            self.words, f, b = [], 0, 0
            while b < m:
                if f < m and f - b <= warm:
                    self.words.append(f"F{f}")
                    f += 1
                else:
                    self.words.append(f"B{b}")
                    b += 1
        else:
            self.words = [w for w in program["words"] if mode == "plan-fill" or w[0] != "Z"]
        self.layers = self.layers_of(self.start, self.end)
        self.params = [p for p in self.layers.parameters()]
        self.optimizer = torch.optim.AdamW(self.params, lr=1e-5)
        self.shapes = {cut: self.shapes_at(cut) for cut in {self.start, self.end} - {0, len(plan["layers"])}}
        if mode == "plan-fill":  # the first iteration's frozen part, before any clock
            self.begin_frozen()
            for job in self.jobs:
                self.frozen_job(job, 0, self.group * self.group_batch)
            self.finish_frozen(self.groups["pipe"])

    def shapes_at(self, cut):
        unet = self.arch["unet"]
        c, n = unet["inChannels"], unet["size"]
        state = {"x": torch.empty(1, c, n, n, device="meta"), "t": torch.empty(1, device="meta"),
                 "text": torch.empty(1, unet["text"]["tokens"], unet["text"]["width"], device="meta")}
        layers = [b(device="meta") for b, _ in self.all_layers[:cut]]
        layers[0].forward = lambda s: {**{k: v for k, v in s.items() if k != "t"},
                                       "x": layers[0].conv(s["x"]), "time": torch.empty(1, 4 * unet["channels"][0], device="meta")}
        state = self.run_layers(layers, 0, state)
        return [(name, tuple(state[name].shape[1:])) for name in self.crossing(cut)]

    def micro(self):
        b = self.plan["microBatch"]
        local = b // self.stages[self.stage]["replicas"]
        return local, self.replica * local

    def peers(self, stage):
        """[(rank, first local sample, samples)] of this device's samples at a neighbouring stage."""
        local, mine = self.micro()
        there = self.plan["microBatch"] // self.stages[stage]["replicas"]
        found = []
        for r, rank in enumerate(self.stages[stage]["ranks"][self.group]):
            lo, hi = max(mine, r * there), min(mine + local, (r + 1) * there)
            if lo < hi:
                found.append((rank, lo - mine, hi - lo))
        return found

    def send(self, tensors, stage, kind):
        for rank, first, count in self.peers(stage):
            flat = torch.cat([t[first:first + count].reshape(-1) for t in tensors])
            for _ in range(self.args.slow_link):
                self.sent.append((dist.isend(flat, rank, group=self.groups[kind][frozenset((self.rank, rank))]), flat))

    def post(self, cut, stage, kind):
        sizes = sum(torch.Size(shape).numel() for _, shape in self.shapes[cut])
        found = []
        for rank, first, count in self.peers(stage):
            flat = torch.empty(count * sizes, **self.kw)
            # Repeats land in the same place: the last one is as good as the first.
            works = [dist.irecv(flat, rank, group=self.groups[kind][frozenset((self.rank, rank))])
                     for _ in range(self.args.slow_link)]
            found.append((works, flat, first, count))
        return found

    def take(self, posted, cut):
        local, _ = self.micro()
        out = {name: torch.empty(local, *shape, **self.kw) for name, shape in self.shapes[cut]}
        for works, flat, first, count in posted:
            for work in works:
                work.wait()
            at = 0
            for name, shape in self.shapes[cut]:
                size = count * torch.Size(shape).numel()
                out[name][first:first + count] = flat[at:at + size].view(count, *shape)
                at += size
        return out

    def step(self, iteration):
        offset, m = self.group * self.group_batch, self.plan["numMicroBatches"]
        if self.mode != "plan-fill":
            self.begin_frozen()
            devices = self.groups["pipe_ranks"]
            share = -(-self.group_batch // len(devices))
            first = min(self.group_batch, devices.index(self.rank) * share)
            for job in self.whole_frozen(first, min(self.group_batch, first + share) - first):
                self.frozen_job(job, iteration, offset)
            self.finish_frozen(self.groups["pipe"])
        conditioned, (local, mine) = self.conditioned, self.micro()
        self.begin_frozen()
        self.sent, kept, loss_sum, wait = [], {}, 0.0, lambda: None
        order = {"F": [int(w[1:]) for w in self.words if w[0] == "F"], "B": [int(w[1:]) for w in self.words if w[0] == "B"]}
        posted = {"F": {}, "B": {}}

        def ahead(kind, micro, cut, stage):  # this receive and the next are asked for
            at = order[kind].index(micro)
            for nxt in order[kind][at:at + 2]:
                if nxt not in posted[kind]:
                    posted[kind][nxt] = self.post(cut, stage, kind)
            return self.take(posted[kind][micro], cut)

        for word in self.words:
            micro = int(word[1:])
            if word[0] == "Z":
                self.frozen_job(self.jobs[micro], iteration + 1, offset)
                continue
            first = micro * self.plan["microBatch"] + mine
            if word[0] == "F":
                self.conditioned = conditioned
                state, noise = self.inputs(iteration, offset, first, local)
                if self.stage > 0:
                    got = ahead("F", micro, self.start, self.stage - 1)
                    state = {**{n: t.requires_grad_() for n, t in got.items()}, "text": state["text"]}
                begin = self.clock.now()
                inputs = {n: t for n, t in state.items() if n not in ("t", "text")} if self.stage > 0 else {}
                with torch.set_grad_enabled(not self.plan["recomputes"]):
                    out = self.run_layers(self.layers, self.start, dict(state))
                    result = self.loss(out["x"], noise) if self.is_last else [out[n] for n in self.crossing(self.end)]
                kept[micro] = (state, noise, inputs, result)
                self.clock.add(f"F{self.stage}.{micro}", "forward", begin)
                if not self.is_last:
                    self.send([t.detach() for t in result], self.stage + 1, "F")
                else:
                    loss_sum += float(result.detach()) if self.device.type == "cpu" else result.detach()
                continue
            state, noise, inputs, result = kept.pop(micro)
            grads = None if self.is_last else list(ahead("B", micro, self.end, self.stage + 1).values())
            begin = self.clock.now()
            if self.plan["recomputes"]:
                out = self.run_layers(self.layers, self.start, dict(state))
                result = self.loss(out["x"], noise) if self.is_last else [out[n] for n in self.crossing(self.end)]
            torch.autograd.backward([result] if self.is_last else result, grads)
            self.clock.add(f"B{self.stage}.{micro}", "backward", begin)
            if self.stage > 0:
                self.send([inputs[n].grad for n in self.crossing(self.start)], self.stage - 1, "B")
            if micro == order["B"][-1]:
                wait = self.reduce(self.params, self.groups["stage"], self.args.slow_link)
        if self.mode == "plan-fill":
            self.finish_frozen(self.groups["pipe"])
        for work, _ in self.sent:
            work.wait()
        wait()
        return loss_sum

    def update(self):
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


class DataParallel(Device):
    def prepare(self, mode):
        self.layers = self.layers_of(0, len(self.all_layers))
        outer = self

        class Whole(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = outer.layers

            def forward(self, x, t, text):
                return outer.run_layers(self.layers, 0, {"x": x, "t": t, "text": text})["x"]

        cuda = self.device.type == "cuda"
        self.model = nn.parallel.DistributedDataParallel(Whole(), device_ids=[self.device.index] if cuda else None)
        if self.args.slow_link > 1:
            self.model.register_comm_hook(None, self.repeated)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-5)

    def repeated(self, _state, bucket):
        flat = bucket.buffer().div_(dist.get_world_size())
        works = [dist.all_reduce(c, async_op=True) for c in repeats_of(flat, self.args.slow_link)]
        return works[-1].get_future().then(lambda f: f.value()[0])

    def step(self, iteration):
        local = self.plan["batch"] // dist.get_world_size()
        offset = self.rank * local
        self.group_batch = local
        self.begin_frozen()
        for job in self.whole_frozen(0, local):
            self.frozen_job(job, iteration, offset)
        self.finish_frozen(None)
        state, noise = self.inputs(iteration, offset, 0, local)
        loss = self.loss(self.model(state["x"], state["t"], state["text"]), noise)
        (loss * dist.get_world_size()).backward()  # DDP takes the mean of what is a sum here
        return float(loss.detach()) if self.device.type == "cpu" else loss.detach()

    update = Pipeline.update


# ---- running, checking, profiling --------------------------------------------------------------------------------

def make_groups(plan, rank):
    """Every rank makes every group, in one order. Each direction of a pair has a communicator of its own, so that sends
    of one direction never wait for those of the other."""
    stages, groups = plan["stages"], {"F": {}, "B": {}, "pipe": None, "stage": None}
    for g in range(plan["numGroups"]):
        ranks = [r for st in stages for r in st["ranks"][g]]
        made = dist.new_group(ranks) if len(ranks) > 1 else None
        if rank in ranks:
            groups["pipe"], groups["pipe_ranks"] = made, ranks
        for left, right in zip(stages, stages[1:]):
            for a in left["ranks"][g]:
                for b in right["ranks"][g]:
                    for kind in "FB":
                        groups[kind][frozenset((a, b))] = dist.new_group([a, b])
    for st in stages:
        ranks = [r for group in st["ranks"] for r in group]
        made = dist.new_group(ranks) if len(ranks) > 1 else None
        if rank in ranks:
            groups["stage"] = made
    return groups


def check_gradients(pipe):
    """Largest relative difference to the step without a pipeline, over this device's parameters; iteration 0."""
    plan = pipe.plan
    whole = pipe.layers_of(0, len(pipe.all_layers))
    for g in range(plan["numGroups"]):
        offset = g * pipe.group_batch
        pipe.begin_frozen()
        for job in pipe.whole_frozen(0, pipe.group_batch):
            pipe.frozen_job(job, 0, offset)
        pipe.finish_frozen(None)
        state, noise = pipe.inputs(0, offset, 0, pipe.group_batch)
        pipe.loss(pipe.run_layers(whole, 0, state)["x"], noise).backward()
    # Biases in front of a norm have gradients near 0: they are measured against a hundredth of the largest gradient.
    floor = 0.01 * max(float(p.grad.norm()) for p in whole.parameters())
    return max(float((p.grad - q.grad).norm()) / max(floor, float(q.grad.norm()))
               for mine, layer in zip(pipe.layers, list(whole)[pipe.start:pipe.end])
               for p, q in zip(mine.parameters(), layer.parameters()))


def measure(runner, mode, args):
    """Median and quartiles of the slowest rank's iteration times, in ms; the spans of the last iteration."""
    times, losses, device, kinds = [], [], runner.device, {}
    gc.collect()
    gc.disable()  # a collection in one rank's iteration would be measured as the pipeline's
    for iteration in range(args.skip + args.iterations):
        dist.barrier()
        if device.type == "cuda":
            torch.cuda.synchronize()
        runner.clock.start()
        begin = time.perf_counter()
        loss = runner.step(iteration)
        if iteration == 0 and args.check and mode != "ddp":
            error = check_gradients(runner)
            print(f"check {mode} rank {runner.rank}: largest relative gradient difference {error:.3g}", flush=True)
            runner.check_error = error
        else:
            runner.update()
            if device.type == "cuda":
                torch.cuda.synchronize()
        took = torch.tensor([1e3 * (time.perf_counter() - begin)], device=device)
        dist.all_reduce(took, op=dist.ReduceOp.MAX)
        total = torch.tensor([float(loss)], device=device)
        dist.all_reduce(total)
        losses.append(float(total))
        if iteration >= args.skip:
            times.append(float(took))
            for name, category, a, b in runner.clock.ms():
                kind = name if category.startswith("frozen") else category
                kinds.setdefault(kind, []).append(b - a)
        if iteration == 0 and args.check and mode != "ddp":
            runner.optimizer.zero_grad(set_to_none=True)
    gc.enable()
    quartiles = statistics.quantiles(times, n=4) if len(times) > 1 else [times[0]] * 3
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else None
    return {"mode": mode, "medianMs": statistics.median(times), "quartilesMs": [quartiles[0], quartiles[2]], "timesMs": times,
            "firstLoss": losses[0], "peakBytes": peak,
            "spanMs": {kind: statistics.median(each) for kind, each in kinds.items()}}, runner.clock.ms()


def write_trace(path, plan, spans_of_ranks):
    events = []
    stage_of = {r: (s, g, i) for s, st in enumerate(plan["stages"]) for g, ranks in enumerate(st["ranks"]) for i, r in enumerate(ranks)}
    for rank, spans in enumerate(spans_of_ranks):
        stage, group, replica = stage_of[rank]
        if group > 0 or replica > 0:
            continue
        events.append({"ph": "M", "name": "thread_name", "pid": 0, "tid": rank, "args": {"name": f"stage {stage}"}})
        events += [{"ph": "X", "name": n, "cat": c, "pid": 0, "tid": rank, "ts": 1e3 * a, "dur": 1e3 * (b - a)} for n, c, a, b in spans]
    with open(path, "w") as file:
        json.dump({"traceEvents": events}, file)


def spawn(processes, limit, *more):
    """One process per device of this host, as torchrun would start them; all end after `limit` seconds."""
    env = {**os.environ, "WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1"}
    env.setdefault("MASTER_PORT", str(20000 + os.getpid() % 20000))
    children = [subprocess.Popen([sys.executable, *sys.argv, *more], env={**env, "RANK": str(r), "LOCAL_RANK": str(r)})
                for r in range(processes)]
    codes, end = [], time.time() + limit
    try:
        while len(codes) < processes and not any(codes) and time.time() < end:
            codes = [c.poll() for c in children if c.poll() is not None]
            time.sleep(0.05)
    finally:  # one that failed leaves the others waiting for it
        for child in children:
            if child.poll() is None and (any(codes) or time.time() >= end):
                child.kill()
    return max(abs(child.wait()) for child in children)


def run_modes(plan, args):
    """Starts the processes; again, without what is done or has failed, until every mode has its entry."""
    modes = args.modes.split(",")
    if os.path.exists(args.out):
        os.remove(args.out)
    code = 1
    for _ in modes:
        code = spawn(plan["numDevices"], args.limit, "--resume")
        entries = json.load(open(args.out))["results"] if os.path.exists(args.out) else []
        if code == 0 or not entries or {entry["mode"] for entry in entries} >= set(modes):
            break
    return code


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", help="plan in JSON, of `pipe-plan export`")
    parser.add_argument("--profile", help="profile in JSON, of `pipe-plan profile`: measure its layers instead of running a plan")
    parser.add_argument("--modes", default=",".join(MODES), help=f"of {', '.join(MODES)}")
    parser.add_argument("--iterations", type=int, default=10, help="timed iterations")
    parser.add_argument("--skip", type=int, default=3, help="iterations before them")
    parser.add_argument("--slow-link", type=int, default=1, help="times that every gradient all-reduce is sent")
    parser.add_argument("--dtype", default="bfloat16" if torch.cuda.is_available() else "float32")
    parser.add_argument("--sizes", type=lambda t: [int(n) for n in t.split(",")], default=[1, 2, 4, 8, 16, 32], help="profiled local batches")
    parser.add_argument("--processes", type=int, default=max(1, torch.cuda.device_count()), help="that profile at once")
    parser.add_argument("--limit", type=float, default=1e9, help="seconds after which processes are ended")
    parser.add_argument("--resume", action="store_true", help="leave out modes that --out holds already")
    parser.add_argument("--check", action="store_true", help="compare gradients with the step without a pipeline")
    parser.add_argument("--out", default="measured.json")
    parser.add_argument("--trace", help="Chrome trace of the last plan-fill iteration")
    args = parser.parse_args()
    local = int(os.environ.get("LOCAL_RANK", 0))
    device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if not args.plan and not args.profile:
        parser.error("--plan or --profile is needed")
    if args.profile:
        if "WORLD_SIZE" not in os.environ:
            raise SystemExit(spawn(args.processes, args.limit))
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        profile(args, device)
        dist.destroy_process_group()
        return
    plan = json.load(open(args.plan))
    if "WORLD_SIZE" not in os.environ and plan.get("numDevices", 1) > 1:
        raise SystemExit(run_modes(plan, args))
    unknown = set(args.modes.split(",")) - set(MODES)
    world = int(os.environ.get("WORLD_SIZE", 1))
    problems = [text for is_bad, text in [
        (plan.get("format") != "tenfold-pipe-plan", "this is no plan: export one with `tenfold pipe-plan export`"),
        (unknown, f"unknown modes {', '.join(sorted(unknown))}: choose from {', '.join(MODES)}"),
        ("architecture" not in plan, "the plan names no architecture: only plans of sd21, sd15, sd-mini or their profiles can run"),
        (plan.get("numDevices") != world, f"the plan is for {plan.get('numDevices')} processes, started were {world}"),
        (not plan.get("keepsSamplesInPlace"), "frozen samples move between devices: plan with --fill perDevice"),
        ("selfConditioning" in plan, "self-conditioned plans do not run here"),
        (any(plan["microBatch"] % s["replicas"] for s in plan.get("stages", [])), "replicas with unequal shares do not run here"),
        (plan.get("batch", 0) % world and "ddp" in args.modes, f"ddp needs a batch that {world} divides"),
    ] if is_bad]
    if problems:
        raise SystemExit("run_plan: " + "; ".join(problems))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    rank, groups = dist.get_rank(), make_groups(plan, dist.get_rank())
    link = "native" if args.slow_link == 1 else f"emulated slow: every all-reduce and transfer {args.slow_link} times"
    report = {"device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU", "processes": world,
              "torch": torch.__version__, "dtype": args.dtype, "link": link, "predicted": plan["predicted"], "results": []}
    if args.resume and os.path.exists(args.out):
        report["results"] = json.load(open(args.out))["results"]
    dist.barrier()
    done = {entry["mode"] for entry in report["results"]}

    def write(entry):
        report["results"] = [e for e in report["results"] if e["mode"] != entry["mode"]] + [entry]
        if rank == 0:
            json.dump(report, open(args.out, "w"), indent=1)

    for mode in args.modes.split(","):
        if mode in done:
            continue
        write({"mode": mode, "error": "did not finish"})
        runner = (DataParallel if mode == "ddp" else Pipeline)(plan, args, device)
        runner.groups = groups
        runner.prepare(mode)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        result, spans = measure(runner, mode, args)
        gathered = [None] * world
        dist.all_gather_object(gathered, (spans, result["peakBytes"], getattr(runner, "check_error", None), result.pop("spanMs")))
        if result["peakBytes"] is not None:
            result["peakBytes"] = max(peak for _, peak, _, _ in gathered)
        if args.check and mode != "ddp":
            result["gradientError"] = max(error for _, _, error, _ in gathered)
        result["spanMs"] = [each for _, _, _, each in gathered]
        result["predictedMs"] = plan["predicted"].get("modesMs", {}).get(mode)
        write(result)
        if rank == 0:
            said = f", predicted {result['predictedMs']:.1f}" if result["predictedMs"] else ""
            print(f"{mode}: {result['medianMs']:.1f} ms ({result['quartilesMs'][0]:.1f} to {result['quartilesMs'][1]:.1f}){said}", flush=True)
            if args.trace and mode == "plan-fill":
                write_trace(args.trace, plan, [spans for spans, _, _, _ in gathered])
        del runner
        if device.type == "cuda":
            torch.cuda.empty_cache()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
