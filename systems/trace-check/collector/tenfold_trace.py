"""Records a training step for `tenfold trace-check`: one file, needs torch 1.13 or later and nothing else.

    import tenfold_trace as trace
    trace.start("trace-candidate", role="candidate", mesh={"tp": 2}, precision="bfloat16", loss_factor=1 / num_micro)
    trace.watch(model, annotate=placements)
    trace.step(iteration); trace.micro_batch(m)   # in the loop
    trace.main_grads(model)                       # after all reductions, before optimizer.step()
    trace.params_after(model)                     # after optimizer.step()
    trace.finish()

Files: run.json, and per rank and step safetensors parts with an index of JSON lines. A line is written after its bytes,
so a run that is killed can be read up to there."""
import contextlib
import json
import os
import re
import struct
import sys
import threading
import time

import torch

_DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
           torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}
for _name, _stored in (("float8_e4m3fn", "F8_E4M3"), ("float8_e5m2", "F8_E5M2")):
    if hasattr(torch, _name):
        _DTYPES[getattr(torch, _name)] = _stored
_PART_BYTES = 64 << 20
_UNITS = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8, "float8": 2.0**-8}
_SCALED = ("dout", "din", "wgrad")
_CALL = re.compile(r"\.?call\d+$")
_M = 0xFFFFFFFF


# --- the consistent generator: value i of stream s depends on (s, i) alone -------------------------------------------
def fnv1a32(text):
    """32-bit FNV-1a of the UTF-8 bytes."""
    h = 0x811C9DC5
    for byte in text.encode():
        h = ((h ^ byte) * 0x01000193) & _M
    return h


def _imul(x, c):
    # 32-bit product of int64 tensors below 2**32, in two halves so that nothing overflows 63 bits.
    return ((x * (c & 0xFFFF)) + (((x * (c >> 16)) & 0xFFFF) << 16)) & _M


def _mix(x, first, second, shifts):
    x = _imul(x ^ (x >> 16), first)
    x = _imul(x ^ (x >> shifts[0]), second)
    return x ^ (x >> shifts[1])


def _fmix(x):
    return _mix(x, 0x85EBCA6B, 0xC2B2AE35, (13, 16))


def _fmix_second(x):
    return _mix((x + 0x9E3779B9) & _M, 0x2C1B3C6D, 0x297A2D39, (12, 15))


def counter_hash(stream, index):
    """First hash word of int64 counters."""
    high = index >> 32
    plain = _fmix((index & _M) ^ stream)
    if not bool((high > 0).any()):
        return plain
    return torch.where(high > 0, _fmix((index & _M) ^ _fmix(high ^ stream)), plain)


def normal_at(stream, index, sigma=1.0, mean=0.0):
    """float32 values: mean + sigma * normal, in float64, rounded once."""
    h = counter_hash(stream, index)
    g = _fmix_second(h)
    total = (h >> 16) + (h & 0xFFFF) + (g >> 16) + (g & 0xFFFF) - 131070
    return (mean + (total.to(torch.float64) * sigma) / 37837.2).to(torch.float32)


def box_indices(shape, boxes, local, device="cpu"):
    """Logical flat index of every local element, from boxes {g, n, l}; -1 where no box lies (padding)."""
    out = torch.full(local, -1, dtype=torch.int64, device=device)
    strides = [1] * len(shape)
    for d in range(len(shape) - 2, -1, -1):
        strides[d] = strides[d + 1] * shape[d + 1]
    for box in boxes:
        index = torch.zeros([1] * len(shape), dtype=torch.int64, device=device)
        for d, (g, n) in enumerate(zip(box["g"], box["n"])):
            view = [1] * len(shape)
            view[d] = n
            index = index + ((torch.arange(n, device=device) + g) * strides[d]).view(view)
        out[tuple(slice(l, l + n) for l, n in zip(box["l"], box["n"]))] = index
    return out


def generate(name, seed, shape, boxes, local, sigma=1.0, mean=0.0, device="cpu"):
    """The boxes of a logical tensor; the same bits as in TypeScript."""
    index = box_indices(shape, boxes, local, device)
    return torch.where(index < 0, torch.zeros((), device=device), normal_at(fnv1a32(name) ^ seed, index.clamp(min=0), sigma, mean))


def generate_tokens(name, seed, count, vocab, max_tp=64):
    """Token ids that hold the first and last id of every vocabulary shard: a wrong mask hides elsewhere."""
    hashes = counter_hash(fnv1a32(name) ^ seed, torch.arange(count + 1))
    ids, last = hashes[:count] % vocab, int(hashes[count])
    wanted, tp = [0, vocab - 1], 2
    while tp <= min(max_tp, vocab // 2):
        if vocab % tp == 0:
            wanted += [i for r in range(1, tp) for i in (vocab // tp * r - 1, vocab // tp * r)]
        tp *= 2
    wanted = list(dict.fromkeys(wanted))
    if len(wanted) > count:  # half as many as there are tokens, others in each batch, so that batches stay distinct
        others, room = wanted[4:], count // 2
        wanted = wanted[:min(4, room)] + [others[(last + i) % len(others)] for i in range(room - min(4, room))]
    stride = max(1, count // max(1, len(wanted)))
    for i, token in enumerate(wanted):
        ids[(i * stride) % count] = token
    return ids


# --- placements -> boxes ---------------------------------------------------------------------------------------------
def lower(shape, placements, coords, mesh, padded=None):
    """Where a local tensor lies: {boxes, local, partial, partialMean, flat} of placements such as {"cp": "Z(0)", "tp": "S(0)"}.

    R copy, O owner, S(d) contiguous, S(d,n) n parts with neighbouring ranks sharing one, Z(d) zigzag, G(d,n) each of n
    sections split, P(sum) or P(mean) still to be reduced, F a range of the flattened local tensor; in nesting order."""
    dims, place, flat = [[(0, n)] for n in (padded or shape)], {"partial": [], "partialMean": False, "flat": False}, None
    for axis, text in placements.items():
        size, index = mesh.get(axis, 1), coords.get(axis, 0)
        kind = re.match(r"^(?:([ROF])|P\((sum|mean)\)|([SZG])\((\d+)(?:,(\d+))?\))$", text)
        if kind is None:
            raise ValueError("placement %r of axis %s: expected R, O, F, S(d), S(d,n), Z(d), G(d,n), P(sum) or P(mean)" % (text, axis))
        if kind.group(1) == "F":
            flat = (index, size)
        if size == 1 or kind.group(1):
            continue
        if kind.group(2):
            place["partial"].append(axis)
            place["partialMean"] = place["partialMean"] or kind.group(2) == "mean"
            continue
        dim, letter, count = int(kind.group(4)), kind.group(3), int(kind.group(5) or 0)
        if dim >= len(dims):
            raise ValueError("placement %s of axis %s: the tensor has %d dimensions" % (text, axis, len(dims)))
        parts = 2 * size if letter == "Z" else size * (count or 1) if letter == "G" else (count or size)
        total = sum(n for _, n in dims[dim])
        if total % parts or (letter == "S" and size % parts):
            raise ValueError("placement %s: %d elements do not split into %d pieces over the %d ranks of %s" % (text, total, parts, size, axis))
        piece = total // parts
        chosen = [index, parts - 1 - index] if letter == "Z" else [index * parts // size] if letter == "S" else range(index, parts, size)
        dims[dim] = _merge([x for c in chosen for x in _take(dims[dim], c * piece, piece)])
    boxes = [([], [], [])]
    for d, intervals in enumerate(dims):
        grown = []
        for g, n, l in boxes:
            offset = 0
            for start, length in intervals:
                inside = min(length, shape[d] - start)
                if inside > 0:
                    grown.append((g + [start], n + [inside], l + [offset]))
                offset += length
        boxes = grown
    place.update(boxes=[{"g": g, "n": n, "l": l} for g, n, l in boxes], local=[sum(n for _, n in x) for x in dims])
    return _flat_range(shape, place, *flat) if flat else place


def _flat_range(shape, place, index, size):
    """The index-th of `size` ranges of the flattened local tensor (ZeRO); the last may be shorter."""
    total = _numel(place["local"])
    each = -(-total // size)
    start, end = min(index * each, total), min((index + 1) * each, total)
    at = box_indices(shape, place["boxes"], place["local"]).reshape(-1)[start:end]
    new = torch.ones(len(at), dtype=torch.bool)
    new[1:] = (at[1:] != at[:-1] + 1) | (at[1:] < 0)
    heads = new.nonzero().reshape(-1).tolist() + [len(at)]
    boxes = [{"g": [int(at[a])], "n": [b - a], "l": [a]} for a, b in zip(heads, heads[1:]) if int(at[a]) >= 0]
    return dict(place, boxes=boxes, local=[end - start], flat=True)


def _take(intervals, start, count):
    out, offset = [], 0
    for first, length in intervals:
        low, high = max(start, offset), min(start + count, offset + length)
        if low < high:
            out.append((first + low - offset, high - low))
        offset += length
    return out


def _merge(intervals):
    out = []
    for start, length in intervals:
        if out and out[-1][0] + out[-1][1] == start:
            out[-1] = (out[-1][0], out[-1][1] + length)
        else:
            out.append((start, length))
    return out


# --- names -----------------------------------------------------------------------------------------------------------
_ALIASES = (
    (r"^(?:module\.)+|_fsdp_wrapped_module\.|_orig_mod\.|_checkpoint_wrapped_module\.", ""),
    (r"self_attention\.linear_qkv\.layer_norm_(weight|bias)$", r"input_layernorm.\1"),
    (r"mlp\.linear_fc1\.layer_norm_(weight|bias)$", r"pre_mlp_layernorm.\1"),
    (r"mlp\.experts\.linear_(fc[12])\.weight(\d+)$", r"mlp.experts.\2.linear_\1.weight"),
    (r"mlp\.experts\.local_experts\.(\d+)\.", r"mlp.experts.\1."),
)


def canonical(name, layer_offset=0):
    """Name in the single-device model."""
    for pattern, new in _ALIASES:
        name = re.sub(pattern, new, name)
    return re.sub(r"(\blayers\.)(\d+)", lambda m: m.group(1) + str(int(m.group(2)) + layer_offset), name)


def megatron_placements(hidden, ffn, vocab, sequence, batch, sequence_parallel=False, qkv=None):
    """Annotation function for Megatron-style names: (name, kind) -> (logical shape, placements) or None."""
    rows = {"cp": "Z(0)", "tp": "S(0)"} if sequence_parallel else {"cp": "Z(0)"}
    cols, gated = {"cp": "Z(0)", "tp": "S(2)"}, {"cp": "Z(0)", "tp": "G(2,2)"}
    qkv = qkv or 3 * hidden

    def annotate(name, kind):
        if kind in ("in", "out"):
            width, place = hidden, rows
            if "core_attention" in name or (kind == "in" and name.endswith("linear_proj")):
                place = cols
            elif name.endswith("linear_qkv") and kind == "out":
                width, place = qkv, cols
            elif name.endswith("linear_fc1") and kind == "out":
                width, place = 2 * ffn, gated
            elif name.endswith("linear_fc2") and kind == "in":
                width, place = ffn, cols
            elif name == "output_layer" and kind == "out":
                width, place = vocab, cols
            return [sequence, batch, width], place
        norm = "layernorm" in name
        shapes = (("word_embeddings.weight", [vocab, hidden], {"tp": "S(0)"}), ("output_layer.weight", [vocab, hidden], {"tp": "S(0)"}),
                  ("linear_qkv.weight", [qkv, hidden], {"tp": "S(0)"}), ("linear_proj.weight", [hidden, hidden], {"tp": "S(1)"}),
                  ("linear_fc1.weight", [2 * ffn, hidden], {"tp": "G(0,2)"}), ("linear_fc2.weight", [hidden, ffn], {"tp": "S(1)"}))
        found = ([hidden], {}) if norm else next(((s, p) for end, s, p in shapes if name.endswith(end)), None)
        if found and kind == "wgrad":
            extra = {"cp": "P(sum)", "tp": "P(sum)"} if norm and sequence_parallel else {"cp": "P(sum)"}
            return found[0], dict(found[1], **extra)
        return found

    return annotate


# --- the recorder ----------------------------------------------------------------------------------------------------
class Recorder:
    """role: reference, candidate or perturbed; mesh: axis -> size, fastest first; level: full, sketch, hash or stats;
    perturb: {"seed": 1, "ulps": 1, "where": "embedding" or "everywhere"} (a model without embeddings: the input of the module
    that runs first); rewrite: isolate mode; tensors: only these ids (a list,
    or the file that `check --capture-list` wrote). Other keywords are facts of the run: numLayers, numMicroBatches, fp8, ..."""

    def __init__(self, folder, role, mesh=None, precision="float32", loss_factor=1.0, level="full", buckets=1024, seed=1,
                 perturb=None, rewrite=False, rank=None, world=None, tensors=None, overwrite=False, **facts):
        dist = torch.distributed
        ready = dist.is_available() and dist.is_initialized()
        self.rank = rank if rank is not None else (dist.get_rank() if ready else 0)
        self.world = world if world is not None else (dist.get_world_size() if ready else 1)
        self.mesh = dict(mesh or {"dp": self.world})
        for name, value, known in (("role", role, ("reference", "candidate", "perturbed")), ("precision", precision, tuple(_UNITS)),
                                   ("level", level, ("full", "sketch", "hash", "stats"))):
            if value not in known:
                raise ValueError("tenfold_trace.start: %s must be one of %s, got %r" % (name, ", ".join(known), value))
        if _numel(self.mesh.values()) != self.world:
            raise ValueError("tenfold_trace.start: mesh %s has %d ranks, the job has %d" % (self.mesh, _numel(self.mesh.values()), self.world))
        if precision == "float8" and "fp8" not in facts:
            raise ValueError('tenfold_trace.start: a float8 run states its recipe, e.g. fp8={"scaling": "delayed"}')
        if buckets & (buckets - 1):
            raise ValueError("tenfold_trace.start: buckets must be a power of two, got %d" % buckets)
        self.coords, rest = {}, self.rank
        for axis, size in self.mesh.items():
            self.coords[axis], rest = rest % size, rest // size
        if isinstance(tensors, str):
            with open(tensors) as f:
                tensors = json.load(f)
        self.folder, self.level, self.buckets, self.seed, self.only = folder, level, buckets, seed, tensors and set(tensors)
        self.precision, self.perturb, self.rewrite, self.loss_factor = precision, perturb, rewrite, loss_factor
        self.iteration, self.batch, self.seq, self.part, self.pending, self.pending_bytes = 0, 0, 0, 0, [], 0
        self.model, self.handles, self.seen, self.changed, self.total, self.annotate, self.offset = None, [], set(), 0, 0, (lambda name, kind: None), 0
        self.buffers, self.embeddings, self.first, self.calls, self.thread = False, set(), None, {}, threading.get_ident()
        os.makedirs(folder, exist_ok=True)
        for old in [f for f in os.listdir(folder) if f.startswith("rank%05d." % self.rank)]:
            if not overwrite:
                raise FileExistsError("tenfold_trace.start: %s already holds a trace; name another folder or pass overwrite=True" % folder)
            os.remove(os.path.join(folder, old))
        self.info = dict(facts, format="tenfold-trace/1", role=role, world=self.world, precision=precision, level=level,
                         mesh={"axes": [{"name": a, "size": s} for a, s in self.mesh.items()]}, lossFactor=loss_factor,
                         mode="isolate" if rewrite else "e2e", framework="torch " + torch.__version__)
        if level == "sketch":
            self.info["sketchBuckets"] = buckets
        self._write_info()

    def _write_info(self):
        if self.perturb:
            self.info["perturbation"] = {"where": self.perturb.get("where", "embedding"), "seed": self.perturb["seed"],
                                         "ulps": self.perturb.get("ulps", 1), "changedShare": self.changed / max(1, self.total)}
        if self.rank == 0:
            with open(os.path.join(self.folder, "run.json.tmp"), "w") as f:
                json.dump(self.info, f, indent=2)
            os.replace(os.path.join(self.folder, "run.json.tmp"), os.path.join(self.folder, "run.json"))

    def name(self, kind, module, slot=None, batch=None):
        mb = "" if batch is None else "/mb%d" % batch
        return "it%d%s/%s/%s%s" % (self.iteration, mb, kind, module, "" if slot is None else "#" + slot)

    def place(self, module, kind, tensor, slot=None):
        slot = slot and _CALL.sub("", slot)  # a later call of a module lies where its first call does
        found = self.annotate(module + "#" + slot if slot else module, kind) or self.annotate(module, kind)
        shape, placements = found if found else (list(tensor.shape), {})
        place = dict(lower(list(shape), placements, self.coords, self.mesh), placements=placements, **{"global": list(shape)})
        if tensor.numel() == _numel(place["local"]):
            return place
        raise ValueError("%s %s: a local tensor of shape %s does not fit placement %s of %s, which leaves %s on this rank"
                         % (kind, module, list(tensor.shape), placements, list(shape), place["local"]))

    @torch.no_grad()
    def capture(self, kind, module, tensor, slot=None, batch=None, place=None):
        """Copies a tensor now; later changes of it are not seen. None is a gradient that a backward left out: nothing to copy."""
        if tensor is None:
            return
        name = self.name(kind, module, slot, batch)
        if name in self.seen or (self.only is not None and name not in self.only):
            return
        self.seen.add(name)
        line = dict(place or self.place(module, kind, tensor, slot), id=name, key=name, dtype=_DTYPES[tensor.dtype], seq=self.seq,
                    timeMs=time.time() * 1000)
        self.seq += 1
        data = tensor.detach()
        if self.level != "full":
            values = data.reshape(-1).to(torch.float64)
            line.update(norm2=float((values * values).sum()), sum=float(values.sum()), max=float(values.abs().max()) if len(values) else 0.0)
            if self.level == "sketch":
                data, line["dtype"] = sketch(module + ("" if slot is None else "#" + slot), line, data, self.buckets), "F64"
            else:
                line["hash"], data = (order_hash(data), None) if self.level == "hash" else ("", None)
        if data is not None:
            data = data.to("cpu", copy=True).contiguous()
            self.pending_bytes += data.numel() * data.element_size()
        self.pending.append((line, data))
        if self.pending_bytes > _PART_BYTES:
            self.flush()

    def flush(self):
        """Writes what is pending: bytes first, then the index lines."""
        if not self.pending:
            return
        stem = "rank%05d.it%04d" % (self.rank, self.iteration)
        part = "%s.part%03d.safetensors" % (stem, self.part)
        tensors = [(line, data) for line, data in self.pending if data is not None]
        header, offset = {}, 0
        for line, data in tensors:
            size = data.numel() * data.element_size()
            stored = list(data.shape) if self.level == "sketch" else line["local"]
            header[line["key"]] = {"dtype": line["dtype"], "shape": stored, "data_offsets": [offset, offset + size]}
            offset += size
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        path = os.path.join(self.folder, part)
        with open(path + ".tmp", "wb") as f:
            f.write(struct.pack("<Q", len(text)) + text)
            for _, data in tensors:
                f.write(_bytes(data))
            f.flush()
            os.fsync(f.fileno())
        os.replace(path + ".tmp", path)
        with open(os.path.join(self.folder, stem + ".jsonl"), "a") as f:
            for line, data in self.pending:
                f.write(json.dumps(dict(line, file=part if data is not None else "")) + "\n")
        self.pending, self.pending_bytes, self.part = [], 0, self.part + 1

    # --- hooks ---
    def watch(self, model, annotate=None, preset=None, layer_offset=0, sizes=None, leaves_only=True, skip=(), buffers=None):
        """Hooks every leaf module (and every module marked `trace_leaf`). Names of DDP, FSDP and compile wrappers are stripped.
        buffers: record them too at the first step; default with preset "wrapped", whose ranks all hold the same ones."""
        if preset == "megatron" and annotate is None:
            annotate = megatron_placements(**sizes)
        self.model, self.annotate, self.offset = model, annotate or self.annotate, layer_offset
        self.buffers = preset == "wrapped" if buffers is None else buffers
        inside = set()
        for name, module in model.named_modules():
            is_leaf = getattr(module, "trace_leaf", False) or not list(module.children())
            if not name or any(name.startswith(p + ".") for p in inside) or (leaves_only and not is_leaf) or name in skip:
                continue
            if is_leaf:
                inside.add(name)
            path = canonical(name, layer_offset)
            if isinstance(module, torch.nn.Embedding) or "embed" in path:
                self.embeddings.add(path)
            self._hook(path, module)
        if _is_sharded(model):  # gradients of micro-batches are reduced and freed inside the backward pass
            self.info["unrecordedKinds"] = ["wgrad"]
            self._write_info()
            return
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                path = canonical(name, layer_offset)
                parameter.register_hook(lambda grad, path=path: self.capture("wgrad", path, grad, batch=self.batch))

    def _hook(self, path, module):
        def before(mod, args):
            self.first = self.first or path
            call = self.calls[key()] = self.calls.get(key(), 0) + 1
            floats = [a for a in args if torch.is_tensor(a) and a.is_floating_point()]
            slots = getattr(mod, "trace_slots", None) or ([str(k) for k in range(len(floats))] if len(floats) > 1 else [None])
            rest = iter(slots)
            return tuple(self._input(path, a, _slot(next(rest), call)) if torch.is_tensor(a) and a.is_floating_point() else a for a in args)

        def after(mod, args, out):
            first = out[0] if isinstance(out, tuple) else out
            if not torch.is_tensor(first) or not first.is_floating_point():
                return out
            slot = _slot(None, self.calls[key()])
            if self.perturb and not self.rewrite and (path in self.embeddings or self.perturb.get("where") == "everywhere"):
                first = first + (self._perturbed(self.name("in", path, slot, self.batch), first.detach()) - first.detach())
            batch, place = self.batch, self.place(path, "out", first, slot)
            self.capture("recompute_out" if _in_backward(self.thread) else "out", path, first, slot, batch, place)
            if first.requires_grad:
                first = first.view_as(first)
                first.register_hook(lambda grad: self._dout(path, grad, slot, batch, place))
            return (first,) + out[1:] if isinstance(out, tuple) else first

        def key():  # a module may run more than once in a forward pass, and again in its recomputation
            return path, self.batch, _in_backward(self.thread)

        self.handles += [module.register_forward_pre_hook(before), module.register_forward_hook(after)]

    def _input(self, path, a, slot):
        batch, place = self.batch, self.place(path, "in", a, slot)
        if self.rewrite:
            made = self._made("in", path, slot, batch, place, a)
            a = a + (made - a).detach() if a.requires_grad else made
        elif self.perturb and not self.embeddings and path == self.first:
            a = a + (self._perturbed(self.name("in", path, slot, batch), a.detach()) - a.detach())
        self.capture("in", path, a, slot, batch, place)
        if a.requires_grad:
            a = a.view_as(a)
            a.register_hook(lambda grad: self.capture("din", path, grad, slot, batch, place))
        return a

    def _made(self, kind, path, slot, batch, place, like, factor=1.0):
        name = self.name(kind, path, slot, batch)
        made = (generate(name, self.seed, place["global"], place["boxes"], place["local"]) * factor).to(like).view(like.shape)
        return self._perturbed(name, made) if self.perturb and kind == "in" else made

    def _dout(self, path, grad, slot, batch, place):
        if grad is None:
            return None
        if self.rewrite:
            grad = self._made("dout", path, slot, batch, place, grad, self.loss_factor)
        elif self.perturb and self.perturb.get("where") == "everywhere":
            grad = self._perturbed(self.name("dout", path, slot, batch), grad)
        self.capture("dout", path, grad, slot, batch, place)
        return grad

    def _perturbed(self, name, x):
        unit = self.perturb.get("ulps", 1) * _UNITS[self.precision]
        index = torch.arange(x.numel())
        sign = 1.0 - 2.0 * (counter_hash(fnv1a32("perturb/" + name) ^ self.perturb["seed"], index) & 1).to(torch.float64)
        moved = (x.to(torch.float64).cpu() * (1 + unit * sign.view(x.shape))).to(x.dtype).to(x.device)
        self.changed += int((moved != x).sum()) + int((x == 0).sum())
        self.total += x.numel()
        return moved

    # --- explicit points of the loop ---
    def step(self, iteration):
        """Begins a step; records the parameters of the watched model."""
        self.flush()
        self.iteration, self.part, self.seen, self.calls = iteration, 0, set(), {}
        if self.model is not None:
            self.params(self.model)
            for name, buffer in self.model.named_buffers() if self.buffers else ():
                if buffer.dtype in _DTYPES:
                    self.capture("param", canonical(name, self.offset), buffer)
            self.buffers = False

    def micro_batch(self, index):
        """@param index  global micro-batch: local * DP + dp rank."""
        self.batch = index

    def params(self, model, kind="param"):
        with _whole(model):
            for name, parameter in model.named_parameters():
                self.capture(kind, canonical(name, self.offset), _full(parameter))

    def main_grads(self, model):
        self.flush()
        with _whole(model):
            for name, parameter in model.named_parameters():
                grad = getattr(parameter, "main_grad", None)
                grad = parameter.grad if grad is None else grad
                if grad is not None:
                    self.capture("main_grad", canonical(name, self.offset), _full(grad))

    def params_after(self, model):
        self.params(model, "param_next")
        self.flush()

    def scalar(self, name, value):
        value = value.detach().float().reshape(1) if torch.is_tensor(value) else torch.tensor([float(value)])
        self.capture("scalar", name, value, place=dict(lower([1], {}, {}, {}), placements={}, **{"global": [1]}))

    def finish(self):
        self.flush()
        self._write_info()
        for handle in self.handles:
            handle.remove()
        if self.perturb and self.total == 0:
            raise RuntimeError("tenfold_trace.finish: nothing was perturbed; call watch(model) before the step and run the model itself")


def _slot(slot, call):
    return slot if call == 1 else "%scall%d" % (slot + "." if slot else "", call)


def _in_backward(forward_thread):
    """Whether autograd runs a backward pass here: a forward pass inside it computes a checkpoint again."""
    if hasattr(torch._C, "_current_graph_task_id"):
        return torch._C._current_graph_task_id() != -1
    if threading.get_ident() != forward_thread:  # backward passes of GPUs have threads of their own
        return True
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name in ("backward", "grad") and frame.f_code.co_filename == torch.autograd.__file__:
            return True
        frame = frame.f_back
    return False


def _whole(model):
    """FSDP keeps flat shards: parameters and gradients are whole inside this context."""
    flat = _flat_fsdp(model)
    return flat.summon_full_params(model, writeback=False, with_grads=True) if flat else contextlib.nullcontext()


def _flat_fsdp(model):
    fsdp = getattr(getattr(torch.distributed, "fsdp", None), "FullyShardedDataParallel", None)
    return fsdp if fsdp and any(isinstance(m, fsdp) for m in model.modules()) else None


def _is_sharded(model):
    return _flat_fsdp(model) is not None or any(hasattr(p, "full_tensor") for p in model.parameters())


def _full(tensor):
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


@torch.no_grad()
def sketch(name, place, data, buckets):
    """Count sketch over logical indices: sketches of shards add up."""
    shape = [_numel(place["global"])] if place["flat"] else place["global"]
    index = box_indices(shape, place["boxes"], place["local"], data.device).reshape(-1)
    h, values = counter_hash(fnv1a32(name), index.clamp(min=0)), data.reshape(-1).to(torch.float64) * (index >= 0)
    signed = torch.where(h >= 0x80000000, -values, values)
    return torch.zeros(buckets, dtype=torch.float64, device=data.device).index_add_(0, h & (buckets - 1), signed)


def order_hash(data):
    """64-bit hash of the bytes that depends on their order, as hex."""
    raw = data.contiguous().view(-1).view(torch.uint8)
    raw = torch.nn.functional.pad(raw, (0, -len(raw) % 4)).view(torch.int32).to(torch.int64) & _M
    mixed = _fmix((torch.arange(len(raw), device=raw.device) * 0x9E3779B1 & _M) ^ raw)
    return "%08x%08x" % (int(mixed.sum()) & _M, int(_fmix_second(mixed).sum()) & _M)


def _bytes(data):
    if data.dtype == torch.bfloat16 or str(data.dtype).startswith("torch.float8"):
        data = data.view(torch.int16 if data.element_size() == 2 else torch.uint8)
    return data.numpy().tobytes()


def _numel(shape):
    n = 1
    for size in shape:
        n *= size
    return n


_current = None


def start(folder, role, **options):
    """Begins recording; see Recorder for the options."""
    global _current
    _current = Recorder(folder, role, **options)
    return _current


def _forward(method):
    def call(*args, **kwargs):
        if _current is not None:
            return getattr(_current, method)(*args, **kwargs)
    call.__name__ = method
    return call


watch, step, micro_batch, params, main_grads, params_after, scalar, finish, capture = map(
    _forward, ("watch", "step", "micro_batch", "params", "main_grads", "params_after", "scalar", "finish", "capture"))
