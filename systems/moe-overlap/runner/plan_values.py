"""What operations pass on: rows of tokens (tensors), dispatch buffers without padding, places of tokens; and how they are
cut into parts and put together again."""

import torch


class Buffer:
    """Rows by slot; `counts` on the host once they are known; `back`: rows per slot on the other side of an exchange."""

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


def other_counts(buffer):
    """Rows per slot on the other side of the exchange; the host waits here if they are still under way."""
    if buffer.back is None and buffer.recv is not None:
        if buffer.event is not None:
            buffer.event.synchronize()
        buffer.back = buffer.recv.tolist()
    return buffer.back


def rows(value, part, of):
    n = value.shape[0] // of
    return value[part * n : (part + 1) * n]


def cut(value, part, of):
    if isinstance(value, torch.Tensor):
        return rows(value, part, of)
    if isinstance(value, Buffer):
        counts, pieces, own, at = value.host_counts(), [], [], 0
        bounds = lambda c: (c * part // of, c * (part + 1) // of)
        for c in counts:
            a, b = bounds(c)
            pieces.append(value.data[at + a : at + b])
            own.append(b - a)
            at += c
        made = Buffer(torch.cat(pieces), counts=own)
        made.back = [bounds(c)[1] - bounds(c)[0] for c in other_counts(value)]
        return made
    raise TypeError(type(value))


def merge(parts):
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
    backs = [other_counts(p) for p in parts]
    if all(b is not None for b in backs):
        made.back = [sum(c) for c in zip(*backs)]
    return made
