"""FSDP on two processes over Gloo (no GPU): both forms of it, clean and with a wrong loss scale, recorded as full traces.

    python3 systems/trace-check/scripts/fsdp-run.py OUT     # PyTorch 2.6 or later
Writes OUT/reference, OUT/perturbed and OUT/<form>-<clean|bug>. Afterwards, on any machine:
    tenfold trace-check check OUT/reference OUT/fsdp2-clean --pert OUT/perturbed"""
import os
import sys

import torch
import torch.distributed as dist
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "collector"))
import tenfold_trace as trace  # noqa: E402

WIDTH, LAYERS, VOCAB, SEQ, WORLD = 64, 3, 128, 32, 2


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layernorm = nn.LayerNorm(WIDTH)
        self.linear_fc1 = nn.Linear(WIDTH, 4 * WIDTH)
        self.linear_fc2 = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        return x + self.linear_fc2(nn.functional.gelu(self.linear_fc1(self.input_layernorm(x))))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.word_embeddings = nn.Embedding(VOCAB, WIDTH)
        self.layers = nn.ModuleList([Layer() for _ in range(LAYERS)])
        self.final_layernorm = nn.LayerNorm(WIDTH)
        self.output_layer = nn.Linear(WIDTH, VOCAB, bias=False)

    def forward(self, tokens):
        x = self.word_embeddings(tokens)
        for layer in self.layers:
            x = layer(x)
        return self.output_layer(self.final_layernorm(x))


def wrap(model, form):
    if form == "fsdp2":
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard
        mesh = init_device_mesh("cpu", (WORLD,))
        for layer in model.layers:
            fully_shard(layer, mesh=mesh)
        return fully_shard(model, mesh=mesh)
    from torch.distributed.fsdp import FullyShardedDataParallel
    from torch.distributed.fsdp.wrap import ModuleWrapPolicy
    return FullyShardedDataParallel(model, auto_wrap_policy=ModuleWrapPolicy({Layer}), use_orig_params=True, device_id=torch.device("cpu"))


def train_step(out, form, role, scale=1.0, perturb=None):
    """One AdamW step. Micro-batch m is rank m's share; alone, one process takes both and halves the loss."""
    torch.manual_seed(1)
    model = Model()
    rank, alone = (0, True) if form is None else (dist.get_rank(), False)
    if form:
        model = wrap(model, form)
    loss_factor = (1 / WORLD if alone else 1.0) * scale
    trace.start(out, role=role, mesh={"dp": 1 if alone else WORLD}, rank=rank, world=1 if alone else WORLD, loss_factor=loss_factor,
                perturb=perturb, overwrite=True, numLayers=LAYERS, numMicroBatches=WORLD)
    trace.watch(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    trace.step(0)
    for batch in range(WORLD) if alone else [rank]:
        trace.micro_batch(batch)
        tokens = trace.generate_tokens("tokens/%d" % batch, 1, SEQ + 1, VOCAB).view(1, -1)
        logits = model(tokens[:, :-1])
        loss = nn.functional.cross_entropy(logits.reshape(-1, VOCAB), tokens[:, 1:].reshape(-1))
        (loss * loss_factor).backward()
    trace.main_grads(model)
    optimizer.step()
    trace.params_after(model)
    trace.finish()


def worker(rank, out, form):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29541" if form == "fsdp2" else "29542")
    dist.init_process_group("gloo", rank=rank, world_size=WORLD)
    train_step(os.path.join(out, form + "-clean"), form, "candidate")
    # The bug: the loss is divided by the number of ranks although FSDP averages gradients already. The trace states the
    # factor that its author believes in.
    trace_scale = 1 / WORLD
    backward = torch.Tensor.backward
    torch.Tensor.backward = lambda self, *args, **kwargs: backward(self * trace_scale, *args, **kwargs)
    train_step(os.path.join(out, form + "-bug"), form, "candidate")
    dist.destroy_process_group()


if __name__ == "__main__":
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    train_step(os.path.join(out, "reference"), None, "reference")
    train_step(os.path.join(out, "perturbed"), None, "perturbed", perturb={"seed": 1})
    for form in ("fsdp2", "fsdp1"):
        try:
            torch.multiprocessing.spawn(worker, args=(out, form), nprocs=WORLD)
            print(form, "recorded")
        except Exception as cause:  # FSDP 1 wants an accelerator in some versions
            print(form, "failed:", str(cause).strip().splitlines()[-1])
