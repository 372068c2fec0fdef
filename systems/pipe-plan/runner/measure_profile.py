"""What layers, links and updates take on this machine, measured on all its devices at once."""

import json

import torch
import torch.distributed as dist
import torch.nn as nn

from device_times import Marks, mean_of_ranks, passes
from sd_layers import frozen_layers, unet_builders

def backbone_times(arch, layers, keeps, reader, n, marks, args, kw):
    """{(layer, "F" or "B"): ms}: whole passes over all layers as in training, each layer's part of them marked."""
    unet, device = arch["unet"], kw["device"]
    first = {"x": torch.randn(n, unet["inChannels"], unet["size"], unet["size"], **kw), "t": torch.rand(n, device=device),
             "text": torch.randn(n, unet["text"]["tokens"], unet["text"]["width"], **kw)}
    grads = {}

    def one_pass():
        state, outputs = dict(first), []
        for index, layer in enumerate(layers):
            keep = keeps[index - 1] if index else None
            state = {k: v.detach().requires_grad_() if v.is_floating_point() and k not in ("t", "text") else v for k, v in state.items()}
            if keep is not None and reader[keep] >= index:
                state[f"skip{keep}"] = state["x"]
            state = layer(dict(state))
            outputs.append(state["x"])
            marks.add((index, "F"))
        for index in range(len(layers) - 1, -1, -1):
            if index not in grads:
                grads[index] = torch.randn_like(outputs[index])
            torch.autograd.backward([outputs.pop()], [grads[index]])
            marks.add((index, "B"))

    return passes(one_pass, marks, args.skip, args.iterations)


def frozen_times(arch, modules_of, n, marks, args, kw):
    inputs = {arch["vae"]["id"]: torch.randn(n, 3, arch["vae"]["size"], arch["vae"]["size"], **kw),
              arch["text"]["id"]: torch.randint(arch["text"]["vocabulary"], (n, arch["text"]["tokens"]), device=kw["device"])}

    @torch.no_grad()
    def one_pass():
        for component, modules in modules_of.items():
            x = inputs[component]
            marks.start() if not marks.names else marks.add("between")
            for index, module in enumerate(modules):
                x = module(x)
                marks.add((component, index))

    return passes(one_pass, marks, args.skip, args.iterations)


LINK_BYTES = [1 << 20, 1 << 27]


def link_times(device, args):
    """Start and bandwidth of transfers in both directions at once between neighbouring ranks and of all-reduces, queued
    behind one another: the device is kept busy while the host queues them, and the first, at which the ends meet, does not
    count. So neither launches from an idle host nor the wait for the other end are taken for the link's latency."""
    world, rank = dist.get_world_size(), dist.get_rank()
    if world < 2:
        return {}
    pair = [rank - rank % 2, rank - rank % 2 + 1]
    groups = {}
    for a in range(0, world - 1, 2):
        made = [dist.new_group([a, a + 1]) for _ in "FB"]
        if rank in (a, a + 1):
            groups = dict(zip("FB", made))
    marks, times, sums, dtype = Marks(device), {}, {}, getattr(torch, args.dtype)
    width = torch.empty(0, dtype=dtype).element_size()
    # Of the CPU, where nothing is queued, fewer do.
    side, rounds, count, few = (4096, 40, 8, (3, 10)) if device.type == "cuda" else (64, 1, 2, (1, 3))
    busy = torch.randn(side, side, dtype=dtype, device=device)
    for size in LINK_BYTES:
        data, other = torch.zeros(size // width, dtype=dtype, device=device), torch.empty(size // width, dtype=dtype, device=device)

        def transfer():
            if groups:
                peer = pair[1] if rank == pair[0] else pair[0]
                there, back = ("F", "B") if rank == pair[0] else ("B", "F")
                # Each side begins with the same group: a communicator is made when both are there.
                sends = lambda: dist.isend(data, peer, group=groups[there])
                takes = lambda: dist.irecv(other, peer, group=groups[back])
                works = [act() for act in ((sends, takes) if there == "F" else (takes, sends))]
                for work in works:
                    work.wait()

        def queued(send):
            for _ in range(rounds):
                torch.mm(busy, busy)
            send()
            marks.add("first")
            for _ in range(count):
                send()
            marks.add("ms")

        for found, send in ((times, transfer), (sums, lambda: dist.all_reduce(data))):
            dist.barrier()
            found[size] = passes(lambda: queued(send), marks, *few)["ms"] / count
    small, large = LINK_BYTES
    per_byte = max(1e-12, (times[large] - times[small]) / (large - small))
    sum_per_byte = max(1e-12, (sums[large] - sums[small]) / (large - small))
    found = mean_of_ranks({"latencyMs": max(0.0, times[small] - small * per_byte), "bytesPerSec": 1e3 / per_byte,
                           "startMs": max(0.0, sums[small] - small * sum_per_byte),
                           "bus": 2 * (world - 1) / world * 1e3 / sum_per_byte}, device)
    return {"link": {"latencyMs": found["latencyMs"], "bytesPerSec": found["bytesPerSec"]},
            "allReduceBusBytesPerSec": {str(world): found["bus"]}, "allReduceStartMs": {str(world): found["startMs"]}}


def profile(args, device):
    """The profile with this device's times put in, and what links and updates take. All devices run at once, passes follow
    one another without a pause, and times are means over devices: as in training."""
    model = json.load(open(args.profile))
    if "architecture" not in model:
        raise SystemExit("run_plan: the profile names no architecture. Take one from `tenfold pipe-plan profile sd21`.")
    kw, arch, marks = {"device": device, "dtype": getattr(torch, args.dtype)}, model["architecture"], Marks(device)
    made = unet_builders(arch["unet"])
    layers, keeps = nn.ModuleList([b(**kw) for b, _ in made]), [k for _, k in made]
    reader = {layer.reads: i for i, layer in enumerate(layers) if getattr(layer, "reads", None) is not None}
    modules_of = {i: [m.eval().requires_grad_(False) for m in ms] for i, ms in frozen_layers(arch, **kw).items()}
    tables, sizes = {}, []
    for n in args.sizes:
        dist.barrier()
        try:
            found = {**backbone_times(arch, layers, keeps, reader, n, marks, args, kw), **frozen_times(arch, modules_of, n, marks, args, kw)}
        except RuntimeError as error:  # a batch that does not fit ends the list, on all ranks alike
            print(f"run_plan: {n} samples do not fit ({str(error)[:60]})", flush=True)
            break
        found.pop("between", None)
        for name, ms in mean_of_ranks({"/".join(map(str, k)): v for k, v in found.items()}, device).items():
            tables.setdefault(name, []).append(ms)
        sizes.append(n)
    optimizer = torch.optim.AdamW(layers.parameters(), lr=1e-5)

    def update():
        optimizer.step()
        marks.add("ms")

    update_ms = passes(update, marks, args.skip, args.iterations)["ms"]
    size = sum(p.numel() * p.element_size() for p in layers.parameters())
    measured = {**link_times(device, args), "updateMsPerByte": update_ms / size}
    if device.type == "cuda":
        measured["memoryBytes"] = torch.cuda.get_device_properties(device).total_memory
    table = lambda name: {"sizes": sizes, "timesMs": tables[name]}
    for index, layer in enumerate(model["backbones"][0]["layers"]):
        layer["forward"], layer["backward"] = (table(f"{index}/{side}") for side in "FB")
    for component in model["frozen"]:
        for index, layer in enumerate(component["layers"]):
            layer["forward"] = table(f"{component['id']}/{index}")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    model["origin"] = f"measured on {dist.get_world_size()} × {name}, {args.dtype}, PyTorch {torch.__version__}"
    model["measured"] = measured
    if dist.get_rank() == 0:
        json.dump(model, open(args.out, "w"), indent=1)
        print(f"wrote {args.out}: {model['origin']}, {json.dumps(measured)}", flush=True)
