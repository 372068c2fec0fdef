"""Single kernels of a training step in plain eager PyTorch, on the case that `kernel-times.ts --dump FOLDER` wrote: the results are compared
with ours, then timed. Usage: python3 torch-peers.py FOLDER [cpu]"""

import json
import sys
from pathlib import Path

import numpy
import torch
import torch.nn.functional as functional

folder = Path(sys.argv[1])
device = torch.device(sys.argv[2] if len(sys.argv) > 2 else "cuda")
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
case = json.loads((folder / "case.json").read_text())
count, width, height = case["count"], case["widthPx"], case["heightPx"]
ours = case["ms"]
is_cuda = device.type == "cuda"
rounds, warm_up = (50, 10) if is_cuda else (3, 1)


def load(name, shape):
    return torch.from_numpy(numpy.fromfile(folder / f"{name}.bin", dtype=numpy.float32).reshape(shape)).to(device)


def median_ms(work):
    times = []
    for index in range(warm_up + rounds):
        if is_cuda:
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            work()
            end.record()
            torch.cuda.synchronize()
            elapsed = start.elapsed_time(end)
        else:
            import time

            begin = time.perf_counter()
            work()
            elapsed = 1000 * (time.perf_counter() - begin)
        if index >= warm_up:
            times.append(elapsed)
    return sorted(times)[len(times) // 2]


def error(found, wanted):
    return float((found.double() - wanted.double()).norm() / wanted.double().norm())


geom = load("geom", (count, 11))
sh = load("sh", (count, 16, 3))
proj = load("proj", (count, 16))
parameters = {
    "means": geom[:, 0:3].clone(),
    "quats": geom[:, 3:7].clone(),
    "scales": geom[:, 7:10].clone(),
    "opacities": geom[:, 10:11].clone(),
    "constant": sh[:, :1].clone(),
    "rest": sh[:, 1:].clone(),
}


def basis(direction):
    x, y, z = direction.unbind(1)
    xx, yy, zz = x * x, y * y, z * z
    return torch.stack(
        [
            torch.full_like(x, 0.28209479177387814),
            -0.4886025119029199 * y,
            0.4886025119029199 * z,
            -0.4886025119029199 * x,
            1.0925484305920792 * x * y,
            -1.0925484305920792 * y * z,
            0.31539156525252005 * (2 * zz - xx - yy),
            -1.0925484305920792 * x * z,
            0.5462742152960396 * (xx - yy),
            -0.5900435899266435 * y * (3 * xx - yy),
            2.890611442640554 * x * y * z,
            -0.4570457994644658 * y * (4 * zz - xx - yy),
            0.3731763325901154 * z * (2 * zz - 3 * xx - 3 * yy),
            -0.4570457994644658 * x * (4 * zz - xx - yy),
            1.445305721320277 * z * (xx - yy),
            -0.5900435899266435 * x * (xx - 3 * yy),
        ],
        1,
    )


def project(means, quats, scales, opacities, constant, rest):
    """Camera at the origin, axes of the world."""
    fx, fy, cx, cy = case["fx"], case["fy"], case["cx"], case["cy"]
    x, y, z = means.unbind(1)
    w, i, j, k = functional.normalize(quats, dim=1).unbind(1)
    rotation = torch.stack(
        [
            1 - 2 * (j * j + k * k), 2 * (i * j - w * k), 2 * (i * k + w * j),
            2 * (i * j + w * k), 1 - 2 * (i * i + k * k), 2 * (j * k - w * i),
            2 * (i * k - w * j), 2 * (j * k + w * i), 1 - 2 * (i * i + j * j),
        ],
        1,
    ).view(-1, 3, 3)  # fmt: skip
    spread = rotation * scales.exp()[:, None, :]
    limit_x = (x / z).clamp(-(cx + 0.15 * width) / fx, (1.15 * width - cx) / fx)
    limit_y = (y / z).clamp(-(cy + 0.15 * height) / fy, (1.15 * height - cy) / fy)
    zero = torch.zeros_like(z)
    jacobian = torch.stack([fx / z, zero, -fx * limit_x / z, zero, fy / z, -fy * limit_y / z], 1).view(-1, 2, 3)
    flat = jacobian @ spread
    covariance = flat @ flat.transpose(1, 2)
    a, b, c = covariance[:, 0, 0] + 0.3, covariance[:, 0, 1], covariance[:, 1, 1] + 0.3
    det = a * c - b * b
    direction = functional.normalize(means, dim=1)
    harmonics = torch.cat([constant, rest], 1)
    color = ((basis(direction)[:, :, None] * harmonics).sum(1) + 0.5).clamp_min(0)
    uv = torch.stack([fx * x / z + cx, fy * y / z + cy], 1)
    return torch.cat([uv, torch.stack([c / det, -b / det, a / det], 1), torch.sigmoid(opacities), color], 1)


with torch.no_grad():
    drawn = proj[:, 13] == 1
    agreement = {"projection": error(project(*parameters.values())[drawn], proj[drawn][:, :9])}

leaves = [value.requires_grad_() for value in parameters.values()]
upstream = torch.randn(count, 9, device=device)


def projection_step():
    torch.autograd.grad(project(*leaves), leaves, upstream)


torch_projection = median_ms(projection_step)

image = load("image", (height, width, 4))[:, :, :3].permute(2, 0, 1)[None].contiguous().requires_grad_()
truth = load("photograph", (height, width, 3)).permute(2, 0, 1)[None].contiguous()
taps = torch.exp(-((torch.arange(11, device=device) - 5.0) ** 2) / (2 * 1.5**2))
taps = taps / taps.sum()
window = (taps[:, None] * taps[None, :]).expand(3, 1, 11, 11).contiguous()


def image_loss():
    blur = lambda picture: functional.conv2d(picture, window, padding=5, groups=3)
    mean_x, mean_y = blur(image), blur(truth)
    var_x = blur(image * image) - mean_x**2
    var_y = blur(truth * truth) - mean_y**2
    cov = blur(image * truth) - mean_x * mean_y
    ssim = ((2 * mean_x * mean_y + 1e-4) * (2 * cov + 9e-4)) / ((mean_x**2 + mean_y**2 + 1e-4) * (var_x + var_y + 9e-4))
    return 0.8 * (image - truth).abs().mean() + 0.2 * (1 - ssim.mean())


loss = image_loss()
(gradient,) = torch.autograd.grad(loss, image)
wanted = load("image-gradient", (height, width, 4))[:, :, :3].permute(2, 0, 1)[None]
our_loss = float(numpy.fromfile(folder / "loss.bin", dtype=numpy.float32)[case["lossAt"]])
agreement["loss"] = abs(our_loss - loss.item()) / loss.item()
agreement["loss gradient"] = error(wanted, gradient)
torch_loss = median_ms(lambda: torch.autograd.grad(image_loss(), image))


def adam_ms(**kind):
    values = [value.detach().clone().requires_grad_() for value in parameters.values()]
    for value in values:
        value.grad = torch.randn_like(value)
    optimizer = torch.optim.Adam([{"params": [value], "lr": 1e-12} for value in values], eps=1e-15, **kind)
    return median_ms(optimizer.step)


rows = [
    ("projection and harmonics, forward and backward", ours["project"] + ours["projectGradient"], torch_projection),
    ("L1 and SSIM, forward and backward", ours["ssimLoss"], torch_loss),
    ("Adam over the cloud", ours["adam"], adam_ms()),
]
if is_cuda:
    rows.append(("Adam over the cloud, peer fused", ours["adam"], adam_ms(fused=True)))
print(json.dumps({"torch": torch.__version__, "device": torch.cuda.get_device_name() if is_cuda else "cpu"}))
print(json.dumps({"count": count, "widthPx": width, "heightPx": height, "agreement": agreement}))
for name, own, peer in rows:
    print(json.dumps({"kernel": name, "oursMs": own, "torchMs": round(peer, 4), "ratio": round(peer / own, 2)}))
