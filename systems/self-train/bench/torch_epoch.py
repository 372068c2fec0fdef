"""The peer of the bench: one retraining epoch of the digits network in plain PyTorch on the CPU, eager.

    python3 torch_epoch.py STEPS THREADS
Two hidden layers of 256 and 64 units with batch norm, ReLU and dropout 0.3 on 256 inputs and ten classes; batches of 128
gathered from 8,000 rows; weighted cross-entropy with soft targets, gradient norm clipped at 5, SGD with momentum and
weight decay. Prints wall and CPU seconds of an epoch as JSON, medians of three after one that is not counted."""
import json
import sys
import time

import torch
from torch import nn

steps, threads = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
torch.manual_seed(0)
x = torch.randn(8000, 256)
y = torch.eye(10)[torch.randint(0, 10, (8000,))]
weight = torch.ones(8000)
layers = []
for before, after in ((256, 256), (256, 64)):
    layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU(), nn.Dropout(0.3)]
model = nn.Sequential(*layers, nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)


def epoch():
    order = torch.randperm(8000)
    for step in range(steps):
        rows = order[step * 128 % 7872 :][:128]
        logits = model(x[rows])
        loss = (weight[rows] * -(y[rows] * torch.log_softmax(logits, 1)).sum(1)).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5)
        optimizer.step()


epoch()
walls, cpus = [], []
for _ in range(3):
    wall, cpu = time.perf_counter(), time.process_time()
    epoch()
    walls.append(time.perf_counter() - wall)
    cpus.append(time.process_time() - cpu)
print(json.dumps({"wall": sorted(walls)[1], "cpu": sorted(cpus)[1], "version": torch.__version__}))
