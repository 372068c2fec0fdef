"""One stage of a pipeline: its words in order, transfers to its neighbours, frozen work between them."""

import torch
import torch.distributed as dist

from device_part import Device


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
