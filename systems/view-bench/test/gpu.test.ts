/** WGSL gives the CPU's images and gradients. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'node:test';
import { createRng } from '@tenfold/core/base';
import { trainOnGpu } from '../src/gpu/gpu-trainer.ts';
import { createStorage, withAllocationCheck } from '../src/gpu/kernels.ts';
import { createTeacherScene } from '../src/train/teacher.ts';

/** Chromium brings SwiftShader, a driver without a GPU, and the loader for it. */
const SWIFTSHADER_FOLDERS = ['/usr/lib/chromium', '/usr/lib/chromium-browser'];

interface Case {
  readonly count: number;
  readonly isSameList: boolean;
  readonly worst: number;
  readonly flippedShare: number;
  readonly worstFlip: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly isRepeated: boolean;
}

interface Comparison {
  readonly kind: 'compare';
  readonly name: string;
  readonly counts: readonly [number, number];
  readonly grown: readonly [number, number];
  readonly lossError: number;
  readonly parameters: Readonly<Record<string, number>>;
  readonly exposures?: number;
  readonly updates?: Readonly<Record<string, number>>;
}

/** Runs a program on the GPU, or on SwiftShader, and gives its lines. @returns undefined where there is no adapter at all */
async function linesOf(
  name: string,
  extra: Readonly<Record<string, string>> = {},
): Promise<readonly unknown[] | undefined> {
  const folder = SWIFTSHADER_FOLDERS.find((path) => existsSync(`${path}/vk_swiftshader_icd.json`));
  const program = fileURLToPath(new URL(name, import.meta.url));
  const environment =
    process.env['TENFOLD_GPU'] || !folder
      ? process.env
      : { ...process.env, VK_ICD_FILENAMES: `${folder}/vk_swiftshader_icd.json`, LD_LIBRARY_PATH: folder };
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [program], {
      env: { ...environment, ...extra },
      timeout: 400_000,
    });
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  } catch (cause) {
    // Only a machine without any adapter is excused.
    if (String((cause as { stderr?: string }).stderr ?? cause).includes('TF-VIEW-011')) return undefined;
    throw cause;
  }
}

const NO_ADAPTER = 'this machine has no WebGPU adapter, neither a GPU nor SwiftShader';

test('WGSL images agree with the CPU to 1e-4 and gradients to 1e-3, and repeat to the bit', async (context) => {
  const lines = await linesOf('./gpu-program.ts');
  if (!lines) return context.skip(NO_ADAPTER);
  const { text } = lines.at(-1) as { readonly text: string };
  assert.match(text, /^readBuffer: a device that answers, got .* TF-VIEW-012$/);
  const [first, ...cases] = lines.slice(0, -1) as readonly (Case & { readonly adapterName?: string })[];
  assert.ok(first!.adapterName);
  assert.equal(cases.length, 4);
  for (const { count, isSameList, worst, flippedShare, worstFlip, errors, isRepeated } of cases) {
    assert.ok(isSameList, `${count}: another number of pairs`);
    assert.ok(worst < 2e-5, `${count}: image ${worst}`);
    assert.ok(
      flippedShare < 1e-3 && worstFlip < 0.02,
      `${count}: ${flippedShare} of pixels differ, at most ${worstFlip}`,
    );
    for (const [kind, error] of Object.entries(errors)) assert.ok(error < 1e-3, `${count} ${kind}: ${error}`);
    assert.ok(isRepeated);
  }
});

test("a training step on the GPU is the CPU's to 1e-3, with masks, exposure and growth, and repeats where pairs did not fit", async (context) => {
  const lines = await linesOf('./gpu-train-program.ts');
  if (!lines) return context.skip(NO_ADAPTER);
  const comparisons = (lines as readonly Comparison[]).filter(({ kind }) => kind === 'compare');
  assert.equal(comparisons.length, 7);
  for (const { name, counts, grown, lossError, parameters, exposures, updates = {} } of comparisons) {
    assert.equal(counts[0], counts[1], name);
    assert.equal(grown[0], grown[1], name);
    assert.ok(lossError < 1e-3, `${name}: loss ${lossError}`);
    for (const [kind, error] of Object.entries(parameters)) assert.ok(error < 1e-3, `${name} ${kind}: ${error}`);
    if (name.includes('exposure')) assert.ok(exposures! < 1e-4, `${name}: matrices ${exposures}`);
    for (const [kind, error] of Object.entries(updates)) assert.ok(error < 1e-3, `${name} step of ${kind}: ${error}`);
  }
  assert.ok(comparisons.at(-1)!.grown[0] > 0);
  const others = lines as readonly Readonly<Record<string, unknown>>[];
  const room = others.find(({ kind }) => kind === 'little room')!;
  assert.ok(room['isSame'] && Number(room['count']) > 60, JSON.stringify(room));
  const mcmc = others.find(({ kind }) => kind === 'mcmc')!;
  assert.ok(mcmc['isSame'] && Number(mcmc['count']) > 60, JSON.stringify(mcmc));
  assert.ok(Number(mcmc['last']) < Number(mcmc['first']), JSON.stringify(mcmc));
});

test('without an adapter webgpu is refused and auto trains on the CPU; a driver that computes on the CPU is taken only when asked for', async () => {
  interface Choice {
    readonly name?: string;
    readonly text?: string;
  }
  const choices = async (extra: Readonly<Record<string, string>>) => {
    const [cpu, webgpu, auto] = (await linesOf('./gpu-backend-program.ts', extra)) as readonly Choice[];
    assert.equal(cpu!.name, 'cpu');
    return { webgpu: webgpu!, auto: auto! };
  };
  const bare = await choices({ VK_ICD_FILENAMES: '/nowhere.json', VK_DRIVER_FILES: '/nowhere.json' });
  assert.match(
    bare.webgpu.text!,
    /^openGpuDevice: a WebGPU adapter, got none\. Without a GPU, SwiftShader works: .* TF-VIEW-011$/,
  );
  assert.equal(bare.auto.name, 'cpu');
  const here = await choices({});
  if (here.webgpu.name === undefined || process.env['TENFOLD_GPU']) return;
  assert.equal(here.webgpu.name, 'webgpu');
  assert.equal(here.auto.name, 'cpu');
});

test('images, gradients and 30 steps of training are the same to the bit where pairs fit only in bands, and what cannot be split says what fits', async (context) => {
  const lines = await linesOf('./gpu-bands-program.ts');
  if (!lines) return context.skip(NO_ADAPTER);
  const cases = lines as readonly {
    readonly kind: string;
    readonly numPairs: readonly number[];
    readonly bands: readonly number[];
    readonly counts: readonly number[];
    readonly text: string;
  }[];
  const only = (kind: string) => {
    const found = cases.filter((each) => each.kind === kind);
    assert.equal(found.length, 1, kind);
    return found[0]!;
  };
  const { numPairs, bands, ...drawing } = only('drawing');
  assert.deepEqual(drawing, { kind: 'drawing', isSameImage: true, isSomething: true, isSameGradient: true });
  assert.ok(new Set(numPairs).size === 1 && numPairs[0]! > 1117, String(numPairs));
  // In bands from the gradient on, which takes eleven times the room of a list.
  assert.ok(bands[0] === 1 && bands[1] === 1 && bands[2]! >= 3, String(bands));
  const { numPairs: listed, bands: listBands, ...lists } = only('lists');
  assert.deepEqual(lists, { kind: 'lists', isSameImage: true });
  assert.ok(listed[0] === listed[1] && listed[0]! > 12_288, String(listed));
  assert.deepEqual(listBands, [1, 2]);
  const { counts, bands: trainingBands, ...training } = only('training');
  assert.deepEqual(training, { kind: 'training', isSame: true });
  assert.ok(trainingBands[0] === 1 && trainingBands[1]! >= 3, String(trainingBands));
  assert.ok(counts[1]! > counts[0]!, String(counts));
  const rest = ' the CPU trains without such a limit. TF-VIEW-012';
  assert.match(
    only('row').text,
    /^roomFor: at most 1117 pairs of Gaussians with the tiles of one row, got 2\d{3}\. Fewer Gaussians \(--cap\) or narrower images \(--max-width\) fit; .* TF-VIEW-012$/,
  );
  assert.deepEqual(
    ['rows', 'image', 'cap'].map((kind) => only(kind).text),
    [
      `createStorage: at most 49152 bytes in one buffer, got 57792 for harmonics. At most 255 Gaussians of degree 3 fit here (--cap, --degree);${rest}`,
      `createStorage: at most 49152 bytes in one buffer, got 92160 for image. At most 3072 pixels fit here (--max-width);${rest}`,
      `trainOnGpu: at most 767 Gaussians of degree 1, whose rows fit one buffer of the adapter, got a cap of 800. Lower --cap, or --degree for smaller rows;${rest}`,
    ],
  );
});

test('pairs stay in their places where tiles were counted with other rounding than they are emitted', async (context) => {
  const lines = await linesOf('./gpu-emit-program.ts');
  if (!lines) return context.skip(NO_ADAPTER);
  assert.deepEqual(lines, [
    { isEachInItsPlace: true, isEachTileOnce: true, isNothingBehind: true, missed: [0, 0, 0, 0, 0] },
  ]);
});

test('what the driver says of memory and of work it refuses becomes an error, not a result', async () => {
  const device = (message: string, place: number) => {
    const scopes: string[] = [];
    return {
      pushErrorScope: (filter: string) => scopes.push(filter),
      popErrorScope: () => {
        const filter = scopes.pop();
        const isHit = filter === ['out-of-memory', 'validation'][place];
        return Promise.resolve(isHit ? { message } : null);
      },
    } as unknown as GPUDevice;
  };
  const check = (message: string, place: number) =>
    assert.rejects(
      withAllocationCheck(device(message, place), 'render', () => 'zeros'),
      { code: 'TF-VIEW-012', message: new RegExp(message) },
    );
  await check('the heap is full', 0);
  await check('a buffer is not usable', 1);
  assert.equal(await withAllocationCheck(device('', 2), 'render', () => 'a result'), 'a result');
});

test('a buffer above what the adapter binds is refused with both sizes', () => {
  const device = { limits: { maxBufferSize: 1024, maxStorageBufferBindingSize: 256 } } as unknown as GPUDevice;
  assert.throws(
    () => createStorage(device, 300, 'pair gradients'),
    /^TenfoldError: createStorage: at most 256 bytes in one buffer, got 304 for pair gradients\. Fewer Gaussians \(--cap\) .* TF-VIEW-012$/,
  );
});

test('disks and planes are refused by the GPU trainer', async () => {
  const { student, train } = createTeacherScene(1, 5);
  await assert.rejects(trainOnGpu({} as GPUDevice, student, train, { numSteps: 1, method: '2dgs' }, createRng(1)), {
    message: /^trainOnGpu: method 3dgs, got 2dgs\. .*TF-VIEW-013$/,
  });
});
