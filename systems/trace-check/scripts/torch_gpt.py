"""A parallel GPT in plain PyTorch with 17 silent bugs, recorded by the collector. Real processes, real collectives:
Gloo on CPUs (torch 1.13 or later), NCCL on GPUs.

    python3 torch_gpt.py jobs.json          # a list of jobs, all run by one group of processes
A job: {"out": folder, "role": "candidate", "mesh": {"tp": 2}, "precision": "float32", "bug": "", "sp": false, ...}.
Sizes, names, weights and tokens are those of the simulator, so that its traces can be compared with these.
Files: this one trains, gpt_model.py holds the layers, gpt_parallel.py what ranks do together."""
import json
import math
import os
import sys
import tempfile
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from gpt_model import Gpt, annotation, trace
from gpt_parallel import AXES, Comm, CrossEntropy

DEFAULTS = dict(role="candidate", mesh={}, precision="float32", bug="", sp=False, tied=False, experts=0, recompute=0, zero=False,
                layers=4, hidden=64, heads=4, ffn=128, vocab=128, seq=32, batch=1, micro=4, steps=1, perturb=0, level="full", buckets=1024,
                isolate=False, masked=False, seed=1, top_k=2, record=True, device="cpu", overwrite=True)


def tokens_of(job, batch):
    """[S + 1, B]; the first and last id of every vocabulary shard occur."""
    count = (job["seq"] + 1) * job["batch"]
    return trace.generate_tokens("tokens/mb%d" % batch, job["seed"], count, job["vocab"], 8).view(job["seq"] + 1, job["batch"])


def valid_positions(job, batch):
    """Of a masked job: five times as many in even micro-batches as in odd ones."""
    return job["seq"] * (15 if batch % 2 == 0 else 3) // 16 if job["masked"] else job["seq"]


def mean_tokens(job, comm, local):
    """Valid tokens of a micro-batch on average over the step, by which every rank divides its losses."""
    dp = comm.size["dp"]
    own = torch.tensor([float(sum(valid_positions(job, m * dp + comm.coords["dp"]) for m in range(local)) * job["batch"])], device=job["device"])
    if comm.bug == "dp-token-mean":  # of this rank alone
        return float(own) / local
    return float(comm.all_reduce(own, "dp")) / job["micro"] if job["masked"] else job["seq"] * job["batch"]


def train(job, rank):
    comm = Comm(job, rank)
    torch.manual_seed(0)
    model = Gpt(job, comm)
    dp, cp, pp = comm.size["dp"], comm.size["cp"], comm.size["pp"]
    local = job["micro"] // dp
    factor = cp / local
    tokens_per_batch = mean_tokens(job, comm, local)
    if job["record"]:
        perturb = {"seed": job["perturb"], "ulps": job.get("ulps", 1)} if job["perturb"] else None
        trace.start(job["out"], job["role"], mesh=comm.size, precision=job["precision"], loss_factor=factor, level=job["level"], buckets=job["buckets"],
                    perturb=perturb, rewrite=job["isolate"], rank=rank, world=comm.world, seed=job["seed"], overwrite=job["overwrite"], numLayers=job["layers"],
                    numMicroBatches=job["micro"])
        trace.watch(model, annotate=annotation(model, job, comm))
    deferred = []
    if model.last and pp > 1 and not job["tied"]:
        model.output_layer.deferred = deferred
    parameters = list(model.named_parameters())
    moments = {name: (torch.zeros_like(p.main_param), torch.zeros_like(p.main_param)) for name, p in parameters}
    for step in range(job["steps"]):
        started, used = time.time(), time.process_time()
        trace.step(step)
        for _, p in parameters:
            p.main_grad.zero_()
        loss = run_batches(model, job, comm, local, factor, tokens_per_batch, deferred, parameters)
        if comm.bug != "overlap-flush":
            flush(deferred, model)
        reduce_gradients(parameters, comm, dp * (1 if comm.bug == "cp-loss-scale" else cp) if comm.bug != "dp-loss-scale" else cp, deferred, model)
        trace.main_grads(model)
        total = comm.all_reduce(comm.all_reduce(torch.tensor([loss], device=job["device"]), "dp"), "cp")
        if model.last:
            trace.scalar("loss", total)
        adam(parameters, moments, step + 1, comm, job)
        trace.params_after(model)
        job["step_sec"] = min(job.get("step_sec", math.inf), time.time() - started)
        job["step_cpu_sec"] = min(job.get("step_cpu_sec", math.inf), time.process_time() - used)
    trace.finish()
    trace._current = None
    return float(total)


def run_batches(model, job, comm, local, factor, tokens_per_batch, deferred, parameters):
    shape = [len(model.positions) // (comm.size["tp"] if comm.sp else 1), job["batch"], job["hidden"]]
    dtype = torch.bfloat16 if job["precision"] == "bfloat16" else torch.float32
    flights, sends, loss = [], [], 0.0

    def receive(source):
        x = torch.empty(shape, dtype=torch.float32, device=job["device"])
        dist.recv(x, source)
        return x.to(dtype)

    def backward(m, x, out, grad):
        comm.batch = m * comm.size["dp"] + comm.coords["dp"]
        trace.micro_batch(comm.batch)
        torch.autograd.backward(out, grad)
        if x is not None and x.grad is not None:
            sends.append((x.grad.float().contiguous(), None))
            sends[-1] = (sends[-1][0], dist.isend(sends[-1][0], 0))
        for _, p in parameters:
            if p.grad is not None:
                p.main_grad += p.grad.float()
                p.grad = None

    for m in range(local):
        comm.batch = m * comm.size["dp"] + comm.coords["dp"]
        trace.micro_batch(comm.batch)
        ids = tokens_of(job, comm.batch).to(job["device"])
        x = None if model.first else receive(0).requires_grad_()
        out = model(x, ids[model.positions])
        if not model.last:
            data = out.detach().float().contiguous()
            sends.append((data, dist.isend(data, 1)))
            flights.append((m, out))
            continue
        counts = (model.positions < valid_positions(job, comm.batch)).unsqueeze(-1)
        summed = CrossEntropy.apply(out, ids[model.positions + 1].masked_fill(~counts, -1), comm)
        loss += float(summed.detach()) / tokens_per_batch / job["micro"]
        flush(deferred, model)
        backward(m, x, summed * (factor / tokens_per_batch), None)
    for m, out in flights:
        backward(m, None, out, receive(1))
    for _, handle in sends:
        handle.wait()
    return loss


def flush(deferred, model):
    for batch, work in deferred:
        trace.micro_batch(batch)
        grad = work()
        trace.capture("wgrad", "output_layer.weight", grad, batch=batch)
        model.output_layer.weight.main_grad += grad.float()
    del deferred[:]


def reduce_gradients(parameters, comm, divisor, deferred, model):
    """Issues every reduction, then waits: what is added in between is lost."""
    issued = []
    for name, p in parameters:
        buffer = p.main_grad.clone()
        skip = (comm.bug == "sp-final-norm" and name == "decoder.final_layernorm.weight") or (comm.bug == "sp-router-grad" and "router" in name)
        shared = comm.size["dp"] > 1 or comm.size["cp"] > 1 or (p.needs_tp_sum and not skip)
        issued.append((p, buffer, dist.all_reduce(buffer, async_op=True) if shared else None))
    flush(deferred, model)
    for p, buffer, handle in issued:
        if handle is not None:
            handle.wait()
        p.main_grad = buffer / divisor
        if comm.job["tied"] and comm.size["pp"] > 1 and comm.bug != "tied-not-summed" and p is model.embedding.word_embeddings.weight:
            dist.all_reduce(p.main_grad)


def adam(parameters, moments, t, comm, job, lr=1e-3, b1=0.9, b2=0.95, eps=1e-8):
    dp, square = comm.size["dp"], torch.zeros(1)
    for name, p in parameters:
        copy = (comm.coords["tp"] > 0 and not p.is_split) or (job["tied"] and comm.coords["pp"] > 0 and "embedding" in name)
        square += 0 if copy else float(p.main_grad.double().pow(2).sum())
    square = square.to(job["device"])
    norm = comm.all_reduce(comm.all_reduce(square, "tp"), "pp").sqrt()
    trace.scalar("grad_norm", norm)
    clip = min(1.0, 1.0 / (float(norm) + eps))
    for index, (name, p) in enumerate(parameters):
        m, v = moments[name]
        g = p.main_grad * clip
        m.mul_(b1).add_(g, alpha=1 - b1)
        v.mul_(b2).addcmul_(g, g, value=1 - b2)
        update = lr * (m / (1 - b1**t)) / ((v / (1 - b2**t)).sqrt() + eps)
        if not job["zero"] or dp == 1:
            p.main_param -= update
        else:
            flat, own = p.main_param.view(-1), slice(comm.coords["dp"] * p.numel() // dp, (comm.coords["dp"] + 1) * p.numel() // dp)
            flat[own] -= update.view(-1)[own]
            if comm.bug != "zero-update" or index < len(parameters) - 1:  # the last bucket is never gathered
                flat.copy_(comm.gather(flat[own].clone(), "dp"))
        p.data.copy_(p.main_param)


def work(rank, world, jobs, init, results):
    torch.set_num_threads(1)
    if jobs[0].get("device", "cpu") != "cpu":
        torch.cuda.set_device(rank)
    backend = "nccl" if jobs[0].get("device", "cpu") != "cpu" else "gloo"
    dist.init_process_group(backend, init_method=init, rank=rank, world_size=world)
    for given in jobs:
        job = dict(DEFAULTS, **given)
        if rank < math.prod(job["mesh"].get(a, 1) for a in AXES):
            loss = train(job, rank)
            if rank == 0:
                results.append({"out": job["out"], "loss": loss, "stepSec": job["step_sec"], "stepCpuSec": job["step_cpu_sec"]})
        dist.barrier()
    if rank == 0 and init.startswith("file://"):
        with open(sys.argv[1] + ".results", "w") as f:
            json.dump(results, f)
    dist.destroy_process_group()


if __name__ == "__main__":
    with open(sys.argv[1]) as f:
        JOBS = json.load(f)
    WORLD = max(math.prod(job.get("mesh", {}).get(a, 1) for a in AXES) for job in JOBS)
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(work, args=(WORLD, JOBS, "file://" + os.path.join(folder, "store"), []), nprocs=WORLD)
