"""A mixture-of-experts language model of PyTorch as ONNX for `tenfold moe-overlap optimise --graph step.onnx`.

    python3 export_onnx.py --out step.onnx                       # needs PyTorch 2.8 or newer, onnx and onnxscript
    tenfold moe-overlap optimise --graph step.onnx --devices 16 --batch 24

Take what your own model needs: `all_to_all` in place of the exchange, a loss as the only output, and modules `gate`, `encode`,
`experts` and `decode` in one called `moe`, so that their ranges can be cut. The backward pass, all-reduces and updates are
added when the file is read. Shapes are static; nothing is computed for the export, whatever the sizes.
"""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F


def all_to_all(rows, group_size):
    """[experts, capacity, hidden]: part r goes to rank r, the parts that arrive stand in rank order."""
    return torch.onnx.ops.symbolic("tenfold.dist::AllToAll", (rows,), {"group_size": group_size},
                                   dtype=rows.dtype, shape=rows.shape, version=1)


class Gate(nn.Module):
    def __init__(self, hidden, experts):
        super().__init__()
        self.choose = nn.Linear(hidden, experts, bias=False)

    def forward(self, x):
        return torch.softmax(self.choose(x), -1)


class Encode(nn.Module):
    """Top-1 with a capacity: [T, hidden] to a buffer of rows by expert, and where each token went."""

    def __init__(self, experts, capacity):
        super().__init__()
        self.experts, self.capacity = experts, capacity

    def forward(self, x, probabilities):
        weight, chosen = probabilities.max(-1)
        mask = F.one_hot(chosen, self.experts).to(x.dtype)
        place = (mask.cumsum(0) - 1) * mask
        kept = mask * (place < self.capacity)
        row = F.one_hot((place * kept).sum(-1).long(), self.capacity).to(x.dtype)
        went = (kept[:, :, None] * row[:, None, :]).reshape(x.shape[0], -1)  # [T, experts · capacity]
        return torch.matmul(went.t(), x).view(self.experts, self.capacity, -1), went, weight


class Experts(nn.Module):
    def __init__(self, local, hidden, group_size):
        super().__init__()
        self.first = nn.Parameter(0.02 * torch.randn(local, hidden, 4 * hidden))
        self.second = nn.Parameter(0.02 * torch.randn(local, 4 * hidden, hidden))
        self.group_size = group_size

    def forward(self, rows):
        (experts, capacity, hidden), local = rows.shape, self.first.shape[0]
        by_expert = rows.view(self.group_size, local, capacity, hidden).transpose(0, 1).reshape(local, -1, hidden)
        answers = torch.bmm(F.gelu(torch.bmm(by_expert, self.first)), self.second)
        return answers.view(local, self.group_size, capacity, hidden).transpose(0, 1).reshape(experts, capacity, hidden)


class Decode(nn.Module):
    def forward(self, rows, went, weight):
        return torch.matmul(went, rows.reshape(-1, rows.shape[-1])) * weight[:, None]


class Mixture(nn.Module):
    def __init__(self, args):
        super().__init__()
        experts, tokens = args.devices * args.experts, args.batch * args.seq
        self.group_size, self.gate = args.devices, Gate(args.hidden, experts)
        self.encode, self.decode = Encode(experts, tokens // experts), Decode()
        self.experts = Experts(args.experts, args.hidden, args.devices)

    def forward(self, x):
        sent, went, weight = self.encode(x, self.gate(x))
        return self.decode(all_to_all(self.experts(all_to_all(sent, self.group_size)), self.group_size), went, weight)


class Block(nn.Module):
    def __init__(self, args, has_experts):
        super().__init__()
        hidden = args.hidden
        self.shape, self.heads = (args.batch, args.seq), args.heads
        self.norm1, self.norm2 = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.qkv, self.proj = nn.Linear(hidden, 3 * hidden), nn.Linear(hidden, hidden)
        if has_experts:
            self.moe = Mixture(args)
        else:
            self.ffn = nn.Sequential(nn.Linear(hidden, 4 * hidden), nn.GELU(), nn.Linear(4 * hidden, hidden))

    def forward(self, x):
        width = x.shape[1] // self.heads
        q, k, v = self.qkv(self.norm1(x)).view(*self.shape, 3, self.heads, width).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = torch.softmax(q @ k.transpose(-1, -2) * width**-0.5, -1) @ v
        x = x + self.proj(mixed.transpose(1, 2).reshape(x.shape))
        return x + (self.moe if hasattr(self, "moe") else self.ffn)(self.norm2(x))


class Loss(nn.Module):
    """Mean cross-entropy of a stack whose every second block has experts."""

    def __init__(self, args):
        super().__init__()
        self.embed = nn.Embedding(args.vocabulary, args.hidden)
        self.layers = nn.ModuleList([Block(args, layer % 2 == 1) for layer in range(args.layers)])
        self.norm, self.head = nn.LayerNorm(args.hidden), nn.Linear(args.hidden, args.vocabulary, bias=False)

    def forward(self, ids, labels):
        x = self.embed(ids)
        for layer in self.layers:
            x = layer(x)
        return -torch.log_softmax(self.head(self.norm(x)), -1).gather(1, labels[:, None]).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    sizes = {"layers": 4, "hidden": 768, "heads": 12, "seq": 512, "batch": 24, "vocabulary": 8192, "devices": 16, "experts": 2}
    for name, size in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=size, help="experts per device" if name == "experts" else None)
    parser.add_argument("--out", default="step.onnx")
    args = parser.parse_args()
    torch.manual_seed(0)
    tokens = torch.zeros(args.batch * args.seq, dtype=torch.int64)
    exported = torch.onnx.export(Loss(args), (tokens, tokens), dynamo=True, verbose=False,
                                 input_names=["ids", "labels"], output_names=["loss"])
    proto = exported.model_proto
    for node in proto.graph.node:  # module names are read; stack traces with local paths stay here
        scopes = [entry.value for entry in node.metadata_props if entry.key == "pkg.torch.onnx.name_scopes"]
        del node.metadata_props[:]
        for value in scopes:
            node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=value)
    del proto.graph.metadata_props[:], proto.metadata_props[:]
    for info in [*proto.graph.value_info, *proto.graph.input, *proto.graph.output]:
        del info.metadata_props[:]
    with open(args.out, "wb") as file:
        file.write(proto.SerializeToString())
    print(f"wrote {args.out}: {len(proto.graph.node)} nodes")


if __name__ == "__main__":
    main()
