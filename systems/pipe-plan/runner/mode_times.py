"""Times of one mode, its gradients against the step without a pipeline, its trace."""

import gc
import json
import statistics
import time

import torch
import torch.distributed as dist


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
