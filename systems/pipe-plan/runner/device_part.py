"""What every mode keeps on a device: inputs, frozen layers and their outputs, the loss, sums of gradients."""

import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F

from device_times import Clock
from sd_layers import build, frozen_layers, unet_builders

POOL = 16  # distinct inputs; samples take them in turn


class Device:
    """Weights, inputs and frozen layers of one process."""

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
