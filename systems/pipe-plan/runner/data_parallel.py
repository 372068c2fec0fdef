"""The rival on the same devices: PyTorch's DistributedDataParallel over the whole backbone."""

import torch
import torch.distributed as dist
import torch.nn as nn

from device_part import Device, repeats_of


class DataParallel(Device):
    def prepare(self, mode):
        self.layers = self.layers_of(0, len(self.all_layers))
        outer = self

        class Whole(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = outer.layers

            def forward(self, x, t, text):
                return outer.run_layers(self.layers, 0, {"x": x, "t": t, "text": text})["x"]

        cuda = self.device.type == "cuda"
        self.model = nn.parallel.DistributedDataParallel(Whole(), device_ids=[self.device.index] if cuda else None)
        if self.args.slow_link > 1:
            self.model.register_comm_hook(None, self.repeated)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-5)

    def repeated(self, _state, bucket):
        flat = bucket.buffer().div_(dist.get_world_size())
        works = [dist.all_reduce(c, async_op=True) for c in repeats_of(flat, self.args.slow_link)]
        return works[-1].get_future().then(lambda f: f.value()[0])

    def step(self, iteration):
        local = self.plan["batch"] // dist.get_world_size()
        offset = self.rank * local
        self.group_batch = local
        self.begin_frozen()
        for job in self.whole_frozen(0, local):
            self.frozen_job(job, iteration, offset)
        self.finish_frozen(None)
        state, noise = self.inputs(iteration, offset, 0, local)
        loss = self.loss(self.model(state["x"], state["t"], state["text"]), noise)
        (loss * dist.get_world_size()).backward()  # DDP takes the mean of what is a sum here
        return float(loss.detach()) if self.device.type == "cpu" else loss.detach()

    def update(self):
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
