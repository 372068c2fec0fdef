/** The collector on its own: placements as the checker lowers them, wrong calls refused, wrappers, and a killed rank. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import {
  checkInvariants,
  checkTrace,
  generateTokens,
  lowerPlacements,
  openTrace,
  parsePlacement,
} from '../src/index.ts';
import { mergeWhole } from '../src/check/merge.ts';
import { estimateTolerance, perturbedComparisons } from '../src/check/tolerance.ts';
import { findTorchPython } from './torch-python.ts';

const python = findTorchPython();
const skip = python === undefined ? 'no python3 with torch here (Debian: apt install python3-torch)' : false;
const here = fileURLToPath(new URL('../collector', import.meta.url));

function runPython(source: string, input = ''): { readonly status: number | null; stdout: string; stderr: string } {
  const head = `import sys, json, os\nsys.path.insert(0, ${JSON.stringify(here)})\nimport torch, tenfold_trace as trace\n`;
  return spawnSync(python!, ['-c', head + source], { encoding: 'utf8', input, timeout: 120_000 });
}

describe('the collector', { skip }, () => {
  let folder = '';
  const at = (name: string): string => join(folder, name);
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'trace-check-collector-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('lowers placements to the boxes of the checker: zigzag, sections, shared parts, flat ranges, padding', () => {
    const cases: object[] = [];
    const wanted: unknown[] = [];
    const sizes = fc.record({
      tp: fc.constantFrom(1, 2, 4),
      cp: fc.constantFrom(1, 2),
      dp: fc.constantFrom(1, 2, 3),
      rank: fc.nat(100),
      which: fc.nat(6),
    });
    for (const { tp, cp, dp, rank, which } of fc.sample(sizes, 120)) {
      const mesh = { tp, cp, dp };
      const coords = { tp: rank % tp, cp: rank % cp, dp: rank % dp };
      const shapes: readonly [number[], Record<string, string>, number[]?][] = [
        [[16, 2, 3], { cp: 'Z(0)', tp: 'S(0)' }],
        [[16, 2, 8], { cp: 'Z(0)', tp: 'G(2,2)' }],
        [[8, 5], { tp: 'S(1)', dp: 'F' }],
        [[4, 6], { tp: tp === 4 ? 'S(0,2)' : 'S(0)' }],
        [[10, 4], { tp: 'S(0)', dp: 'F' }, [16, 4]],
        [[8], { cp: 'P(mean)', tp: 'P(sum)' }],
        [[8, 3], { tp: 'R', dp: 'O' }],
      ];
      const [shape, placements, padded] = shapes[which];
      const axes = Object.entries(placements).map(([axis, text]) => ({
        axis,
        index: coords[axis as 'tp'],
        size: mesh[axis as 'tp'],
        placement: parsePlacement(text),
      }));
      if (shape.length === 2 && shape[1] % tp !== 0 && placements['tp'] === 'S(1)') continue;
      const { boxes, local, flat, partial, partialMean } = lowerPlacements(shape, axes, padded);
      cases.push({ shape, placements, coords, mesh, padded: padded ?? null });
      wanted.push({ boxes, local, flat, partial: partial.toSorted(), partialMean });
    }
    const { stdout, stderr } = runPython(
      `
out = []
for c in json.load(sys.stdin):
    p = trace.lower(c["shape"], c["placements"], c["coords"], c["mesh"], c["padded"])
    p["partial"].sort()
    out.append({k: p[k] for k in ("boxes", "local", "flat", "partial", "partialMean")})
print(json.dumps(out))`,
      JSON.stringify(cases),
    );
    assert.deepEqual(JSON.parse(stdout || JSON.stringify(stderr)), wanted);
  });

  test('makes the tokens of the checker, also where a batch is too short for all ids it wants', () => {
    const { stdout, stderr } = runPython(
      `print(json.dumps([trace.generate_tokens("tokens/mb3", 9, n, 512, tp).tolist() for n, tp in ((66, 8), (33, 64), (5, 64), (1, 64))]))`,
    );
    assert.deepEqual(
      JSON.parse(stdout || JSON.stringify(stderr)),
      [
        [66, 8],
        [33, 64],
        [5, 64],
        [1, 64],
      ].map(([count, tp]) => [...generateTokens('tokens/mb3', 9, count, 512, tp)]),
    );
  });

  test('refuses wrong calls with what was expected', () => {
    const calls: readonly (readonly [string, RegExp])[] = [
      [`trace.start("x", role="test")`, /role must be one of reference, candidate, perturbed, got 'test'/],
      [`trace.start("x", role="candidate", level="all")`, /level must be one of full, sketch, hash, stats/],
      [`trace.start("x", role="candidate", mesh={"tp": 3}, world=2)`, /mesh \{'tp': 3\} has 3 ranks, the job has 2/],
      [`trace.start("x", role="candidate", precision="float8")`, /a float8 run states its recipe/],
      [`trace.start("x", role="candidate", buckets=100)`, /buckets must be a power of two, got 100/],
      [`trace.lower([8], {"tp": "S0"}, {}, {"tp": 2})`, /placement 'S0' of axis tp: expected R, O, F, S\(d\)/],
      [
        `trace.lower([9], {"tp": "S(0)"}, {}, {"tp": 2})`,
        /9 elements do not split into 2 pieces over the 2 ranks of tp/,
      ],
      [`trace.lower([8], {"tp": "S(1)"}, {}, {"tp": 2})`, /placement S\(1\) of axis tp: the tensor has 1 dimensions/],
    ];
    const laterCalls: readonly (readonly [string, RegExp])[] = [
      [`trace.start("twice", role="candidate")\ntrace.scalar("loss", 1.0)\ntrace.finish()`, /no error/],
      [
        `trace.start("twice", role="candidate")`,
        /twice already holds a trace; name another folder or pass overwrite=True/,
      ],
      [
        `model = torch.nn.Sequential(torch.nn.Linear(4, 4))
trace.start("misfit", role="candidate")
trace.watch(model, annotate=lambda name, kind: ([8, 4], {}))
model(torch.ones(2, 4))`,
        /in 0: a local tensor of shape \[2, 4\] does not fit placement \{\} of \[8, 4\]/,
      ],
    ];
    const { stdout } = runPython(
      `
os.chdir(${JSON.stringify(folder)})
out = []
for call in json.load(sys.stdin):
    try:
        exec(call)
        out.append("no error")
    except Exception as error:
        out.append(str(error))
print(json.dumps(out))`,
      JSON.stringify([...calls.map(([call]) => call), ...laterCalls.map(([call]) => call)]),
    );
    const texts = JSON.parse(stdout) as string[];
    [...calls, ...laterCalls].forEach(([call, pattern], i) => assert.match(texts[i], pattern, call));
  });

  test('records DistributedDataParallel under the names of the plain model, and its gradients average', async () => {
    writeFileSync(
      at('ddp.py'),
      `
import sys, os
sys.path.insert(0, ${JSON.stringify(here)})
import torch, torch.distributed as dist, torch.multiprocessing as mp, tenfold_trace as trace
from torch.nn.parallel import DistributedDataParallel

def build():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.GELU(), torch.nn.Linear(32, 16))

def train(out, role, dp, rank, perturb=None, broken=False):
    torch.set_num_threads(1)
    model = build()
    wrapped = DistributedDataParallel(model) if dp > 1 else model
    optimizer = torch.optim.SGD(wrapped.parameters(), lr=0.1)
    local = 4 // dp
    trace.start(out, role, mesh={"dp": dp}, loss_factor=1 / local, perturb=perturb, numMicroBatches=4)
    trace.watch(wrapped, preset="wrapped")
    trace.step(0)
    for m in range(local):
        batch = m * dp + rank
        trace.micro_batch(batch)
        x = trace.normal_at(7, torch.arange(64) + 64 * batch).view(4, 16)
        x = x if perturb is None else x * (1 + 2.0**-23)
        sync = dp == 1 or (m == local - 1 and not broken)
        if sync:
            loss = wrapped(x).pow(2).mean()
            (loss / local).backward()
        else:
            with wrapped.no_sync():
                loss = wrapped(x).pow(2).mean()
                (loss / local).backward()
    trace.main_grads(wrapped)
    optimizer.step()
    trace.params_after(wrapped)
    trace.finish()
    trace._current = None

def work(rank, folder):
    dist.init_process_group("gloo", init_method="file://" + folder + "/store", rank=rank, world_size=2)
    train(folder + "/ddp", "candidate", 2, rank)
    train(folder + "/ddp-broken", "candidate", 2, rank, broken=True)

if __name__ == "__main__":
    train(sys.argv[1] + "/plain", "reference", 1, 0)
    train(sys.argv[1] + "/plain-perturbed", "perturbed", 1, 0, perturb={"seed": 1, "ulps": 1, "where": "everywhere"})
    mp.spawn(work, args=(sys.argv[1],), nprocs=2)
`,
    );
    const done = spawnSync(python!, [at('ddp.py'), folder], { encoding: 'utf8', timeout: 120_000 });
    assert.equal(done.status, 0, done.stderr);
    const runs = await Promise.all(
      ['plain', 'ddp', 'ddp-broken', 'plain-perturbed'].map((name) => openTrace(at(name))),
    );
    const [reference, good, bad, moved] = runs;
    assert.deepEqual([...good.tensors.keys()].toSorted(), [...reference.tensors.keys()].toSorted());
    const clean = checkTrace({ reference, candidate: good, perturbed: [moved] });
    assert.equal(clean.verdict, 'pass', clean.text);
    assert.ok(clean.counts.PASS > 40);
    const broken = checkTrace({ reference, candidate: bad, perturbed: [moved] });
    assert.equal(broken.culprit!.column, 'replica', broken.text);
    assert.match(broken.text, /not (summed|averaged) over dp/);
    for (const run of runs) run.close();
  });

  test('a checkpointed layer is recorded once as out and once as recompute_out', async () => {
    const done = runPython(`
from torch.utils.checkpoint import checkpoint
torch.manual_seed(0)
layer = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Tanh())
trace.start(${JSON.stringify(at('recompute'))}, role="candidate")
trace.watch(layer)
trace.step(0); trace.micro_batch(0)
x = torch.randn(4, 8, requires_grad=True)
checkpoint(layer, x, use_reentrant=True, preserve_rng_state=False).sum().backward()
trace.finish()`);
    assert.equal(done.status, 0, done.stderr);
    const run = await openTrace(at('recompute'));
    assert.ok(run.tensors.has('it0/mb0/out/0') && run.tensors.has('it0/mb0/recompute_out/0'));
    const { violations, checked } = checkInvariants(run);
    assert.deepEqual([checked.recompute, violations.length], [2, 0]);
    run.close();
  });

  test('a module that runs twice in a forward pass has two outputs, and its recomputation two', async () => {
    const done = runPython(`
from torch.utils.checkpoint import checkpoint
class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.act = torch.nn.Linear(8, 8), torch.nn.Tanh()
    def forward(self, x):
        return self.act(self.fc(self.act(x)))
torch.manual_seed(0)
for reentrant in (True, False):
    layer = Block()
    trace.start(os.path.join(${JSON.stringify(folder)}, "twice-%d" % reentrant), role="candidate")
    trace.watch(layer)
    trace.step(0)
    for batch in range(2):
        trace.micro_batch(batch)
        x = torch.randn(4, 8, requires_grad=True)
        (layer(x).sum() if batch else checkpoint(layer, x, use_reentrant=reentrant).sum()).backward()
    trace.finish()`);
    assert.equal(done.status, 0, done.stderr);
    for (const name of ['twice-1', 'twice-0']) {
      const run = await openTrace(at(name));
      const ids = [...run.tensors.keys()];
      for (const kind of ['out', 'dout', 'in', 'din'])
        for (const id of [`it0/mb1/${kind}/act`, `it0/mb1/${kind}/act#call2`]) assert.ok(ids.includes(id), id);
      assert.ok(ids.includes('it0/mb0/recompute_out/act') && ids.includes('it0/mb0/recompute_out/fc'), name);
      assert.ok(!ids.some((id) => id.startsWith('it0/mb1/recompute_out')), 'no recomputation without a checkpoint');
      const { violations, checked } = checkInvariants(run);
      assert.ok(checked.recompute >= 2);
      assert.deepEqual(violations, []);
      run.close();
    }
  });

  test('the input of a model is perturbed where it has no embedding, and any embedding is, whatever its name', async () => {
    const done = runPython(`
class Table(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.wte, self.fc = torch.nn.Embedding(16, 8), torch.nn.Linear(8, 8)
    def forward(self, ids):
        return self.fc(self.wte(ids))
plain = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Tanh())
for name, model, given in (("table", Table(), torch.arange(16)), ("input", plain, torch.randn(4, 8))):
    for kind, moved in (("reference", None), ("perturbed", {"seed": 1})):
        trace.start(os.path.join(${JSON.stringify(folder)}, name + "-" + kind), role=kind, perturb=moved)
        trace.watch(model)
        trace.step(0)
        model(given).sum().backward()
        trace.finish()
try:
    trace.start(os.path.join(${JSON.stringify(folder)}, "nothing"), role="perturbed", perturb={"seed": 1})
    trace.finish()
except RuntimeError as error:
    print(error)`);
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stdout, /nothing was perturbed; call watch\(model\) before the step/);
    for (const [name, first] of [
      ['table', 'it0/mb0/out/wte'],
      ['input', 'it0/mb0/in/0'],
    ]) {
      const [reference, moved] = [await openTrace(at(`${name}-reference`)), await openTrace(at(`${name}-perturbed`))];
      const { ePert } = estimateTolerance('float32', perturbedComparisons(reference, [moved])).get(first)!;
      assert.ok(ePert > 2 ** -25 && ePert < 2 ** -22, String(ePert));
      assert.ok(moved.info.perturbation!.changedShare > 0.9);
      reference.close();
      moved.close();
    }
  });

  test('preset wrapped records buffers at the first step, so that a stale one is found before the loss moves', async () => {
    const done = runPython(`
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(8, 8)
        self.register_buffer("pos", torch.arange(8.0))
        self.register_buffer("mask", torch.ones(8, dtype=torch.bool))
    def forward(self, x):
        return self.fc(x + self.pos) * self.mask
def record(name, world, stale):
    for rank in range(world):
        torch.manual_seed(0)
        model = Model()
        if rank and stale:
            model.pos.mul_(2)
        trace.start(os.path.join(${JSON.stringify(folder)}, name), role="candidate", mesh={"dp": world}, rank=rank, world=world)
        trace.watch(model, preset="wrapped")
        for step in range(2):
            trace.step(step); trace.micro_batch(rank)
            model(torch.ones(2, 8)).sum().backward()
        trace.finish()
record("buffers-one", 1, False)
record("buffers-stale", 2, True)`);
    assert.equal(done.status, 0, done.stderr);
    const [reference, candidate] = [await openTrace(at('buffers-one')), await openTrace(at('buffers-stale'))];
    assert.deepEqual(
      [...reference.tensors.keys()].filter((id) => /pos|mask/.test(id)),
      ['it0/param/pos', 'it0/param/mask'],
    );
    const { text } = checkTrace({ reference, candidate });
    assert.match(
      text,
      /^it0\/param\/pos .*along dp \(ranks 0, 1\)\. Likely: dp 1 \(2\.00 times it\) is off; dp 0 agrees/,
    );
    reference.close();
    candidate.close();
  });

  test('tensors that are overwritten in place after the hook keep what they were', async () => {
    const done = runPython(`
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = torch.nn.LayerNorm(8)
    def forward(self, x):
        y = self.norm(x)
        with torch.no_grad():
            y.mul_(0)
        return y
model = Model()
trace.start(${JSON.stringify(at('inplace'))}, role="candidate")
trace.watch(model)
model(torch.arange(16.0).view(2, 8))
trace.finish()`);
    assert.equal(done.status, 0, done.stderr);
    const run = await openTrace(at('inplace'));
    assert.ok(mergeWhole(run.tensors.get('it0/mb0/out/norm')!).data.some((value) => value !== 0));
    run.close();
  });

  test('a rank that is killed in mid-step leaves a trace with MISSING blocks, and no exception', async () => {
    const ended = runPython(`
def record(name, rank, world, killed):
    trace.start(os.path.join(${JSON.stringify(folder)}, name), role="candidate", mesh={"tp": world}, rank=rank, world=world)
    trace._current.annotate = lambda module, kind: ([8, 4], {"tp": "S(0)"})
    rows = torch.arange(32.0).view(8, 4).chunk(world)[rank]
    for i in range(3):
        trace.capture("out", "decoder.layers.%d.mlp" % i, rows * (i + 1), batch=0)
        trace._current.flush()
        if killed and i == 1:
            os.kill(os.getpid(), 9)
    trace.finish()
record("whole", 0, 1, False)
record("killed", 0, 2, False)
record("killed", 1, 2, True)`);
    assert.equal(ended.status, null, 'killed');
    const [reference, candidate] = [await openTrace(at('whole')), await openTrace(at('killed'))];
    const result = checkTrace({ reference, candidate });
    assert.deepEqual([result.counts.PASS, result.counts.MISSING, result.counts.FAIL], [2, 1, 0]);
    assert.match(
      result.findings.find(({ status }) => status === 'MISSING')!.note!,
      /16 of 32 elements are held by no rank/,
    );
    reference.close();
    candidate.close();
  });

  test('levels hash and stats of the collector are read and judged', async () => {
    const done = runPython(`
for level in ("hash", "stats"):
    for name, factor in (("a", 1), ("b", 1), ("c", 1.5)):
        trace.start(os.path.join(${JSON.stringify(folder)}, level + "-" + name), role="candidate", level=level)
        trace.capture("out", "decoder.layers.0.mlp", factor * trace.normal_at(3, torch.arange(64)).view(8, 8), batch=0)
        trace.finish()`);
    assert.equal(done.status, 0, done.stderr);
    const verdict = async (a: string, b: string): Promise<string> => {
      const [reference, candidate] = [await openTrace(at(a)), await openTrace(at(b))];
      const result = checkTrace({ reference, candidate });
      reference.close();
      candidate.close();
      return result.verdict;
    };
    assert.equal(await verdict('hash-a', 'hash-b'), 'pass');
    assert.equal(await verdict('hash-a', 'hash-c'), 'divergence');
    assert.equal(await verdict('stats-a', 'stats-b'), 'inconclusive');
    assert.equal(await verdict('stats-a', 'stats-c'), 'divergence');
  });
});
