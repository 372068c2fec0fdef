"""Times on the compute stream: CUDA events, or the wall clock."""

import statistics
import time

import torch
import torch.distributed as dist


class Clock:
    """Spans on the compute stream: CUDA events, or the wall clock."""

    def __init__(self, device):
        self.cuda, self.spans = device.type == "cuda", []

    def now(self):
        if not self.cuda:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def start(self):
        self.base, self.spans = self.now(), []

    def add(self, name, category, begin):
        self.spans.append((name, category, begin, self.now()))

    def ms(self):
        if self.cuda:
            torch.cuda.synchronize()
            return [(n, c, self.base.elapsed_time(a), self.base.elapsed_time(b)) for n, c, a, b in self.spans]
        return [(n, c, 1e3 * (a - self.base), 1e3 * (b - self.base)) for n, c, a, b in self.spans]


class Marks:
    """Points on the compute stream; nothing waits for the host between them."""

    def __init__(self, device):
        self.clock, self.points, self.names = Clock(device), [], []

    def start(self):
        self.points, self.names = [self.clock.now()], []

    def add(self, name):
        self.points.append(self.clock.now())
        self.names.append(name)

    def ms(self):
        if self.clock.cuda:
            torch.cuda.synchronize()
            gaps = [a.elapsed_time(b) for a, b in zip(self.points, self.points[1:])]
        else:
            gaps = [1e3 * (b - a) for a, b in zip(self.points, self.points[1:])]
        return dict(zip(self.names, gaps))


def passes(action, marks, skip, count):
    """Medians of the named gaps over passes one after the other."""
    found = []
    for repeat in range(skip + count):
        marks.start()
        action()
        found.append(marks.ms())
    return {name: statistics.median(each[name] for each in found[skip:]) for name in found[0]}


def mean_of_ranks(times, device):
    if dist.get_world_size() == 1:
        return times
    flat = torch.tensor([times[name] for name in sorted(times)], device=device, dtype=torch.float64)
    dist.all_reduce(flat)
    return dict(zip(sorted(times), (flat / dist.get_world_size()).tolist()))
