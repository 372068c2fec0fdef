"""Runs plans of the moe-overlap room on PyTorch: one process per GPU, NCCL (or Gloo on CPUs).

    torchrun --nproc-per-node 2 run_plan.py --plans runner-plans.json --out measured.json

The plan's operations run in its order: computations on one stream, exchanges on another (high priority), tied by events;
on CPUs exchanges run in Gloo's threads. Sizes of dispatch exchanges travel first; the host waits for them as late as the
order allows. Weight gradients are operations of their own (x and dY are kept, the product comes where the plan says).
Ratios of the plans emulate slow links: every exchange is sent R times, R chosen so that t_a2a / t_expert comes near. Say
"emulated" when you quote such times. The stack has no embedding, no head, no gradient all-reduce and no update.
Needs torch alone; copy the folder as it is.
"""

import argparse
import contextlib
import datetime
import json
import os
import statistics
import time

import torch
import torch.distributed as dist

from moe_stack import Stack
from plan_values import Buffer, cut, merge, other_counts

PROFILED_STEPS = 5
EXCHANGE_PARTS = (1, 2, 4)
PROFILED_REPEATS = (1, 16)
# Gradients by autograd and by the runner's own kernels may differ by rounding: relative to the largest entry.
CHECK_TOLERANCE = 1e-4
TF32_CHECK_TOLERANCE = 2e-2


class Runner(Stack):
    """The stack with its exchanges. Times are events on GPUs and ms of the host's clock on CPUs."""

    def __init__(self, sizes, device, seed):
        super().__init__(sizes, device, seed)
        self.is_cuda = device.type == "cuda"
        self.repeat = 1
        self.is_marked = False
        self.splits = None
        if self.is_cuda:
            self.main = torch.cuda.current_stream()
            self.comm = torch.cuda.Stream(priority=-1)
            # Counts have a stream and a communicator of their own: on those of the exchanges, the counts of a later part
            # would hold up the rows of an earlier one.
            self.counting = torch.cuda.Stream(priority=-1)
            self.counts_group = dist.new_group()

    def now(self, stream=None):
        if not self.is_cuda:
            return time.perf_counter() * 1e3
        event = torch.cuda.Event(enable_timing=True)
        event.record(stream or self.main)
        return event

    def point(self):
        """A place on the compute stream that others can wait for, without a time."""
        event = torch.cuda.Event()
        event.record(self.main)
        return event

    def ms_between(self, a, b):
        return a.elapsed_time(b) if self.is_cuda else b - a

    def sync(self):
        if self.is_cuda:
            torch.cuda.synchronize(self.device)

    def exchange(self, buffer, ready):
        """Rows by expert → rows by (source, local expert), and back. Returns the buffer, when it began, and what to wait
        for."""
        el = self.s["expertsPerRank"]
        counts = buffer.host_counts()
        recv_counts = other_counts(buffer)
        send = [sum(counts[r * el : (r + 1) * el]) for r in range(self.world)]
        recv = [sum(recv_counts[r * el : (r + 1) * el]) for r in range(self.world)]
        self.splits = (send, recv)
        shape, data = (sum(recv), buffer.data.shape[1]), buffer.data[: sum(send)]
        if self.is_cuda:
            with torch.cuda.stream(self.comm):
                # Allocated on this stream: on the other one, kernels under way might still use the memory.
                out = torch.empty(shape, device=self.device, dtype=data.dtype)
                if ready is not None:
                    self.comm.wait_event(ready)
                begin = self.now(self.comm)
                for _ in range(self.repeat):
                    dist.all_to_all_single(out, data, recv, send)
                done = self.now(self.comm)
            data.record_stream(self.comm)
            out.record_stream(self.main)
        else:
            out = torch.empty(shape, dtype=data.dtype)
            data, begin = data.contiguous(), self.now()
            done = [dist.all_to_all_single(out, data, recv, send, async_op=True) for _ in range(self.repeat)]
            # Held until the exchange is over.
            done.append(data)
        result = Buffer(out, counts=recv_counts)
        result.back = counts
        return result, begin, done

    def send_counts(self, counts):
        """Small exchange of counts right after encoding; both ends are copied to the host without waiting."""
        recv = torch.empty_like(counts)
        if not self.is_cuda:
            dist.all_to_all_single(recv, counts)
            return counts.clone(), recv, None
        ready = self.point()
        with torch.cuda.stream(self.counting):
            self.counting.wait_event(ready)
            dist.all_to_all_single(recv, counts, group=self.counts_group)
            own_host = torch.empty(counts.shape, dtype=counts.dtype, pin_memory=True)
            recv_host = torch.empty(counts.shape, dtype=counts.dtype, pin_memory=True)
            own_host.copy_(counts, non_blocking=True)
            recv_host.copy_(recv, non_blocking=True)
            event = torch.cuda.Event()
            event.record(self.counting)
        counts.record_stream(self.counting)
        recv.record_stream(self.counting)
        return own_host, recv_host, event

    def after_failure(self):
        if self.is_cuda:
            torch.cuda.empty_cache()

    def mark(self, name):
        return torch.profiler.record_function(name) if self.is_marked else contextlib.nullcontext()

    @torch.no_grad()
    def step(self, ops, timing=None):
        values, ready, self.used = dict(self.inputs), {}, {}
        sent = {name for op in ops if op["isComm"] for name in op["ins"]}
        last = {name: i for i, op in enumerate(ops) for name in op["ins"]}

        def await_exchange(name):
            pending = ready.get(name)
            if not isinstance(pending, Pending):
                return
            if self.is_cuda:
                self.main.wait_event(pending.done)
                ready[name] = pending.done
                return
            for work in pending.done[:-1]:
                work.wait()
            ready[name] = None
            if timing is not None:
                timing.append((pending.id, "comm", pending.begin, self.now()))

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
                is_whole = of == 1 or (source.endswith(".encode") and self.s["gate"] == "bpr")
                return (values[name] if is_whole else cut(values[name], part, of)), ready.get(name)

            with self.mark(op["id"]):
                if op["isComm"]:
                    name = op["ins"][0].split("#")[0]
                    await_exchange(op["ins"][0])
                    # A cut buffer is made on the compute stream; then everything so far must be awaited.
                    is_own = of == 1 or f"{name}#{part}" in values
                    buffer, event = look(name)
                    out, begin, done = self.exchange(buffer, event if is_own or not self.is_cuda else self.point())
                    values[op["outs"][0]], ready[op["outs"][0]] = out, Pending(op["id"], begin, done)
                    if timing is not None and self.is_cuda:
                        timing.append((op["id"], "comm", begin, done))
                    continue
                for name in op["ins"]:
                    await_exchange(name)
                begin = self.now() if timing is not None else None
                if op["isMerge"]:
                    made = {op["outs"][0]: merge([values[n] for n in op["ins"]])}
                else:
                    made = self.kernel(source, part, of, lambda name: look(name)[0])
                end = self.now() if timing is not None else None
                if self.is_cuda and end is None and not sent.isdisjoint(op["outs"]):
                    end = self.point()
            for name, value in made.items():
                key = name if name in op["outs"] else f"{name}#{part}"
                values[key], ready[key] = value, end if self.is_cuda else None
            if timing is not None:
                timing.append((op["id"], "compute", begin, end))
        if self.is_cuda:
            self.main.wait_stream(self.comm)
        return values


class Pending:
    """An exchange that was issued: `done` is an event, or works of Gloo and what they read."""

    def __init__(self, id, begin, done):
        self.id, self.begin, self.done = id, begin, done


def results_of(values, layers):
    """Gradients and the output; an output that nobody reads may be left in parts."""
    whole = {n: v for n, v in values.items() if n.startswith("g.") or n in ("d.x0", f"x{layers}")}
    if f"x{layers}" not in whole:
        parts = sorted((int(n.split("#")[1]), v) for n, v in values.items() if n.startswith(f"x{layers}#"))
        whole[f"x{layers}"] = torch.cat([v for _, v in parts])
    return whole


def largest_difference(found, reference, names):
    """Over all ranks, relative to the largest entry of each tensor."""
    worst = torch.zeros(1, device=reference[names[0]].device)
    for n in names:
        worst = torch.maximum(worst, (found[n] - reference[n]).abs().max() / reference[n].abs().max().clamp_min(1e-30))
    dist.all_reduce(worst, op=dist.ReduceOp.MAX)
    return worst.item()


def union_ms(spans):
    total, end = 0.0, -1e30
    for a, b in sorted(spans):
        if b > end:
            total += b - max(a, end)
            end = b
    return total


def lane_times(ops, spans):
    """What every operation takes of its lane: from the end of the one before it there, or from when its inputs were ready,
    to its own end. Waiting for the host or for the other ranks is part of it; waiting for inputs is not."""
    span = {n: (a, b) for n, _, a, b in spans}
    free, ready, taken = {True: 0.0, False: 0.0}, {}, {}
    for op in ops:
        end = span[op["id"]][1]
        start = max([free[op["isComm"]], *(ready.get(name, 0.0) for name in op["ins"])])
        taken[op["id"]] = max(0.0, end - start)
        free[op["isComm"]] = end
        for name in op["outs"]:
            ready[name] = end
    return taken


def measure(runner, ops, warm, rounds):
    """Steps without marks, ms; exposed communication of marked steps; lane times (medians); spans of the last one."""
    times = []
    for i in range(warm + rounds):
        runner.sync()
        dist.barrier()
        begin = time.perf_counter()
        runner.step(ops)
        runner.sync()
        if i >= warm:
            times.append((time.perf_counter() - begin) * 1e3)
    exposed, lanes, spans, ratios = [], [], [], []
    for _ in range(PROFILED_STEPS):
        timing = []
        runner.sync()
        dist.barrier()
        zero = runner.now()
        runner.step(ops, timing)
        runner.sync()
        spans = [(n, lane, runner.ms_between(zero, a), runner.ms_between(zero, b)) for n, lane, a, b in timing]
        compute = union_ms([(a, b) for _, lane, a, b in spans if lane == "compute"])
        exposed.append(union_ms([(a, b) for _, _, a, b in spans]) - compute)
        lanes.append(lane_times(ops, spans))
        if ratio_of(spans) is not None:
            ratios.append(ratio_of(spans))
    taken = {op["id"]: statistics.median(each[op["id"]] for each in lanes) for op in ops}
    return {"times": times, "exposed": exposed, "lanes": taken, "spans": spans, "ratio": statistics.median(ratios) if ratios else None}


def interference(runner, rounds=20):
    """How much longer a product takes while exchanges run, and exchanges while products run; (1, 1) on CPUs, where the
    exchanges belong to Gloo's threads."""
    if not runner.is_cuda:
        return {"compute": 1.0, "comm": 1.0}
    h, f, n = runner.s["hidden"], runner.s["inner"], runner.s["batch"] * runner.s["seq"]
    x, w = torch.randn(n, h, device=runner.device), torch.randn(h, f, device=runner.device)
    data, out = torch.empty(n, h, device=runner.device), torch.empty(n, h, device=runner.device)
    made = torch.empty(n, f, device=runner.device)

    def products_ms(count, exchanges):
        """Of one product, with exchanges under way all the while; the host issues those first."""
        runner.sync()
        dist.barrier()
        issue(exchanges)
        begin = runner.now()
        for _ in range(count):
            torch.mm(x, w, out=made)
        end = runner.now()
        runner.sync()
        return begin.elapsed_time(end) / count

    def exchanges_ms(count, products):
        runner.sync()
        dist.barrier()
        for _ in range(products):
            torch.mm(x, w, out=made)
        begin = runner.now(runner.comm)
        issue(count)
        end = runner.now(runner.comm)
        runner.sync()
        return begin.elapsed_time(end) / count

    def issue(count):
        with torch.cuda.stream(runner.comm):
            for _ in range(count):
                dist.all_to_all_single(out, data)

    # The first ones warm up. The other side runs for three times as long as the side that is timed.
    products_ms(rounds, rounds)
    product, exchange = products_ms(rounds, 0), exchanges_ms(rounds, 0)
    under = agree(2 + int(3 * rounds * product / exchange), runner.device)
    slow_product = products_ms(rounds, under)
    slow_exchange = exchanges_ms(rounds, 2 + int(3 * rounds * exchange / product))
    return {"compute": max(1.0, slow_product / product), "comm": max(1.0, slow_exchange / exchange)}


def exchange_tables(runner, rounds=10):
    """Exchanges alone, of as many rows as a step sends and of a part of them, sent once and several times."""
    h = runner.s["hidden"]
    found = []
    for repeat in PROFILED_REPEATS:
        ms = {}
        for parts in EXCHANGE_PARTS:
            send, recv = ([rows // parts for rows in side] for side in runner.splits)
            data, out = torch.empty(sum(send), h, device=runner.device), torch.empty(sum(recv), h, device=runner.device)
            times = []
            for _ in range(2 + rounds):
                runner.sync()
                dist.barrier()
                with torch.cuda.stream(runner.comm) if runner.is_cuda else contextlib.nullcontext():
                    begin = runner.now(runner.comm if runner.is_cuda else None)
                    for _ in range(repeat):
                        dist.all_to_all_single(out, data, recv, send)
                    end = runner.now(runner.comm if runner.is_cuda else None)
                runner.sync()
                times.append(runner.ms_between(begin, end))
            ms[str(parts)] = statistics.median(times[2:])
        found.append({"repeat": repeat, "ms": ms})
    return found


def ratio_of(spans):
    """Dispatch time over expert time, medians over layers; None where an exchange or an expert is in parts."""
    a2a = [b - a for n, _, a, b in spans if n.endswith(".a2a.back")]
    e1 = [b - a for n, _, a, b in spans if n.endswith(".exp1")]
    e2 = [b - a for n, _, a, b in spans if n.endswith(".exp2")]
    if not a2a or not e1:
        return None
    return statistics.median(a2a) / (statistics.median(e1) + statistics.median(e2))


def agree(value, device):
    """All ranks must repeat alike."""
    t = torch.tensor([value], device=device)
    dist.broadcast(t, 0)
    return int(t.item())


def write_trace(runner, ops, path):
    """One step under the profiler, every operation marked with its id: read by `tenfold moe-overlap trace-stats`."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    if runner.is_cuda:
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    runner.is_marked = True
    with torch.profiler.profile(activities=activities) as profile:
        runner.step(ops)
        runner.sync()
    runner.is_marked = False
    if runner.rank == 0:
        profile.export_chrome_trace(path)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plans", required=True, nargs="+", help="runner-plans.json, one per ratio")
    parser.add_argument("--out", default="measured.json")
    parser.add_argument("--warm", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--native", action="store_true", help="also run without emulation, with the first plans")
    parser.add_argument("--modes", default="", help="modes to run, separated by commas; none always runs")
    parser.add_argument("--check", action="store_true", help="compare gradients with autograd and stop if they differ")
    parser.add_argument("--trace", default="", help="write a profiler trace of --trace-mode of the first plans here")
    parser.add_argument("--trace-mode", default="none")
    parser.add_argument("--exchanges", action="store_true", help="profile exchanges alone, too: plans for slow links need it")
    parser.add_argument("--spans", action="store_true", help="keep start and end of every operation of the last step")
    parser.add_argument("--precision", choices=["tf32", "float32"], default="tf32", help="of products on GPUs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=1e9, help="seconds after which no further setting starts")
    return parser.parse_args()


def run_setting(runner, plans, args, ratio, natively, setting, write):
    """Fills `setting` mode by mode and writes the report after each; a mode that fails leaves its message."""
    none = plans["plans"][0]["ops"]
    reference = results_of(runner.step(none), plans["sizes"]["layers"])
    setting.update({"asked": ratio, "native": natively, "repeat": runner.repeat, "modes": {}, "failed": {}})
    for plan in plans["plans"]:
        mode = plan["mode"]
        if args.modes and mode not in ["none", *args.modes.split(",")]:
            continue
        try:
            setting["modes"][mode] = run_mode(runner, plan, args, plans["sizes"]["layers"], reference)
        except Exception as error:  # plans are alike on all ranks: so are their mistakes
            setting["failed"][mode] = f"{type(error).__name__}: {error}"
            runner.after_failure()
        write()
        if runner.rank == 0:
            m = setting["modes"].get(mode)
            text = setting["failed"].get(mode) or (
                f"{m['stepMs']:.2f} ms, predicted {m['predictedMs']:.2f}, exposed {m['exposedMs']:.2f} ms, "
                f"difference {m['worstRelativeDifference']:.1e}")
            print(f"ratio {ratio}, sent {runner.repeat} times, {mode}: {text}", flush=True)


def run_mode(runner, plan, args, layers, reference):
    if runner.is_cuda:
        torch.cuda.reset_peak_memory_stats(runner.device)
    found = measure(runner, plan["ops"], args.warm, args.rounds)
    values = results_of(runner.step(plan["ops"]), layers)
    spans = found["spans"]
    quartiles = statistics.quantiles(found["times"], n=4) if len(found["times"]) > 1 else found["times"] * 3
    return {
        "stepMs": statistics.median(found["times"]),
        "quartilesMs": [quartiles[0], quartiles[2]],
        "predictedMs": plan["predictedMs"],
        "exposedMs": statistics.median(found["exposed"]),
        "worstRelativeDifference": largest_difference(values, reference, list(reference)),
        "ratio": found["ratio"],
        "spanMs": {n: round(b - a, 4) for n, _, a, b in spans},
        "laneMs": {n: round(ms, 4) for n, ms in found["lanes"].items()},
        "peakBytes": torch.cuda.max_memory_allocated(runner.device) if runner.is_cuda else None,
        **({"spans": [[n, lane, round(a, 4), round(b, 4)] for n, lane, a, b in spans]} if args.spans else {}),
    }


def check_gradients(runner, plans, precision):
    reference = runner.reference_gradients()
    names = sorted(reference)
    worst = largest_difference(runner.step(plans["plans"][0]["ops"]), reference, names)
    tolerance = TF32_CHECK_TOLERANCE if runner.is_cuda and precision == "tf32" else CHECK_TOLERANCE
    if runner.rank == 0:
        print(f"gradients against autograd: {len(names)} tensors, largest difference {worst:.1e}", flush=True)
    if not worst < tolerance:
        raise SystemExit(f"gradients differ from autograd by {worst:.1e}, allowed {tolerance:.1e}")


def main():
    args = arguments()
    started = time.time()
    is_cuda = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if is_cuda else torch.device("cpu")
    if is_cuda:
        torch.cuda.set_device(device)
        torch.backends.cuda.matmul.allow_tf32 = args.precision == "tf32"
    # A rank that fails alone leaves the others waiting; what was measured until then is in the file.
    dist.init_process_group("nccl" if is_cuda else "gloo", timeout=datetime.timedelta(seconds=120))
    name = torch.cuda.get_device_name(device) if is_cuda else "cpu"
    report = {"version": 1, "device": name, "torch": torch.__version__, "settings": []}
    if is_cuda:
        report["precision"] = args.precision

    def write():
        if dist.get_rank() == 0:
            with open(args.out + ".part", "w") as f:
                json.dump(report, f)
            os.replace(args.out + ".part", args.out)

    for index, file in enumerate(args.plans):
        with open(file) as f:
            plans = json.load(f)
        if plans["sizes"]["numRanks"] != dist.get_world_size():
            raise SystemExit(f"{file} is for {plans['sizes']['numRanks']} ranks, but {dist.get_world_size()} run")
        runner = Runner(plans["sizes"], device, args.seed)
        if index == 0:
            if args.check:
                check_gradients(runner, plans, args.precision)
            report["slowdown"] = interference(runner)
            if dist.get_rank() == 0:
                print(f"{name}, slow-down {report['slowdown']}", flush=True)
        natively = measure(runner, plans["plans"][0]["ops"], 4, 1)["ratio"]
        if args.exchanges and index == 0:
            report["exchanges"] = exchange_tables(runner)
        if args.trace and index == 0:
            write_trace(runner, next(p["ops"] for p in plans["plans"] if p["mode"] == args.trace_mode), args.trace)
        ratios = [0] if args.native and index == 0 and plans["ratio"] > 0 else []
        for ratio in [*ratios, plans["ratio"]]:
            if agree(1 if time.time() - started > args.limit else 0, device):
                break
            # A ratio of 0 is the link as it is. Plans from a profile of the link say how often exchanges are sent.
            asked = plans.get("repeat") or max(1, round(ratio / natively))
            runner.repeat = agree(asked if ratio > 0 else 1, device)
            setting = {"file": os.path.basename(file), "sizes": plans["sizes"]}
            report["settings"].append(setting)
            run_setting(runner, plans, args, ratio, natively, setting, write)
        del runner
        if is_cuda:
            torch.cuda.empty_cache()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
