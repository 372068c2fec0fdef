/** What the doctor looks at. Native libraries are tried in a child process: a crash there is a finding, not our end. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { formatBytes, TenfoldError } from '@tenfold/core/base';
import { openRunStore, postgresUrlOf } from '@tenfold/core/store';
import { findDataFolder } from '@tenfold/core/system';
import { homeFolder, wallClock } from '../kept-run.ts';
import type { Terminal } from '../terminal.ts';

export interface Finding {
  readonly state: 'works' | 'missing' | 'broken';
  readonly detail: string;
  /** How to get it, or get it better. */
  readonly fix?: string;
}

interface Check {
  readonly name: string;
  /** Whether rooms cannot work without it. */
  readonly isRequired: boolean;
  readonly check: (terminal: Terminal) => Promise<Finding>;
}

const MIN_NODE_MAJOR = 24;
const PROBE_TIMEOUT_MS = 20_000;
const CHROMIUM_NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'] as const;
const CHROMIUM_FOLDERS = [
  '/usr/lib/chromium',
  '/usr/lib/chromium-browser',
  '/opt/google/chrome',
  '/usr/lib64/chromium-browser',
] as const;

export const CHECKS: readonly Check[] = [
  { name: 'Node', isRequired: true, check: checkNode },
  { name: 'machine', isRequired: true, check: checkMachine },
  { name: 'store', isRequired: true, check: checkStore },
  { name: 'ONNX Runtime', isRequired: true, check: checkOnnxRuntime },
  { name: 'WebGPU adapter', isRequired: false, check: checkWebGpu },
  { name: 'sharp (images)', isRequired: false, check: checkSharp },
  { name: 'Chromium', isRequired: false, check: checkChromium },
  { name: 'data folder', isRequired: false, check: checkDataFolder },
];

async function checkNode(): Promise<Finding> {
  const version = process.versions.node;
  const isNew = Number(version.split('.')[0]) >= MIN_NODE_MAJOR;
  return isNew
    ? { state: 'works', detail: `${version}, ${process.execPath}` }
    : { state: 'broken', detail: version, fix: 'Run npm install in the repository: it brings the pinned Node.' };
}

async function checkMachine(): Promise<Finding> {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return { state: 'works', detail: `${availableParallelism()} cores, ${formatBytes(totalmem())}, ${model}` };
}

async function checkStore(terminal: Terminal): Promise<Finding> {
  const folder = homeFolder(terminal);
  try {
    const store = await openRunStore({ environment: terminal.environment, folder, clock: wallClock });
    try {
      const numRuns = (await store.listRuns({ limit: 100_000 })).length;
      const place = postgresUrlOf(terminal.environment) === undefined ? folder : 'the database of TENFOLD_STORE';
      return { state: 'works', detail: `${numRuns} runs in ${place}` };
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof TenfoldError)) throw error;
    return { state: 'broken', detail: error.message, fix: error.hints.join(' ') };
  }
}

async function checkOnnxRuntime(): Promise<Finding> {
  const probe = await runProbe(`
    const { default: ort } = await import('onnxruntime-node');
    const names = ort.listSupportedBackends().filter((backend) => backend.bundled).map((backend) => backend.name);
    console.log(JSON.stringify({ version: ort.env.versions.node, names }));`);
  if (!probe.ok) {
    const fix =
      'Run npm install in the repository; beside an installed tenfold ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node.';
    return { state: 'broken', detail: probe.error, fix };
  }
  const { version, names } = probe.value as { version: string; names: string[] };
  return { state: 'works', detail: `${version}, providers: ${names.join(', ')}` };
}

const WEBGPU_PROBE = `
  const { create } = await import('webgpu');
  const adapter = await create([]).requestAdapter();
  const { vendor, architecture, device, description } = adapter?.info ?? {};
  console.log(JSON.stringify(adapter ? { name: description || device || vendor, vendor, architecture } : null));
  process.exit(0);`;

async function checkWebGpu(): Promise<Finding> {
  const probe = await runProbe(WEBGPU_PROBE);
  const found = probe.ok ? (probe.value as { name: string; vendor: string } | null) : null;
  if (found) {
    const isSoftware = /swiftshader|llvmpipe|lavapipe/i.test(found.name);
    const detail = `${found.name} (${found.vendor})`;
    return isSoftware
      ? {
          state: 'works',
          detail,
          fix: 'This adapter computes on the processor: right for tests, slow for work. Install the Vulkan driver of your GPU.',
        }
      : { state: 'works', detail };
  }
  const environment = softwareVulkan();
  const software = environment === undefined ? undefined : await runProbe(WEBGPU_PROBE, environment);
  if (software?.ok && software.value !== null) {
    const settings = Object.entries(environment!).map(([name, value]) => `${name}=${value}`);
    return {
      state: 'missing',
      detail: 'no Vulkan driver; Chromium brings a software one',
      fix: `For tests without a GPU set ${settings.join(' ')}. For speed install the Vulkan driver of your GPU.`,
    };
  }
  return {
    state: 'missing',
    detail: probe.ok ? 'no Vulkan driver' : probe.error,
    fix: 'Install the Vulkan driver of your GPU (Debian: mesa-vulkan-drivers, or that of NVIDIA), then libvulkan1.',
  };
}

/** Settings that make Vulkan use the loader and SwiftShader of an installed Chromium. */
function softwareVulkan(): Record<string, string> | undefined {
  for (const folder of CHROMIUM_FOLDERS) {
    const driver = join(folder, 'vk_swiftshader_icd.json');
    if (existsSync(driver) && existsSync(join(folder, 'libvulkan.so.1'))) {
      return { LD_LIBRARY_PATH: folder, VK_ICD_FILENAMES: driver };
    }
  }
  return undefined;
}

async function checkSharp(): Promise<Finding> {
  const probe = await runProbe(
    `const { default: sharp } = await import('sharp'); console.log(JSON.stringify(sharp.versions));`,
  );
  if (!probe.ok) {
    return {
      state: 'missing',
      detail: probe.error,
      fix: 'PNG and JPEG are read by decoders without native parts, in 1.6 (JPEG) to 4.5 times (PNG) the time and without colour profiles; WebP and JPEG in four inks are refused. For these run npm install --include=optional.',
    };
  }
  const { sharp, vips } = probe.value as { sharp: string; vips: string };
  return { state: 'works', detail: `${sharp}, libvips ${vips}` };
}

async function checkChromium(terminal: Terminal): Promise<Finding> {
  const folders = (terminal.environment['PATH'] ?? '').split(':');
  const path = CHROMIUM_NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) =>
    existsSync(file),
  );
  if (path === undefined) {
    return {
      state: 'missing',
      detail: 'none on PATH',
      fix: 'Install chromium from your system’s packages; only the browser tests need it.',
    };
  }
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: PROBE_TIMEOUT_MS });
    return { state: 'works', detail: `${stdout.trim()}, ${path}` };
  } catch (cause) {
    return { state: 'broken', detail: `${path}: ${(cause as Error).message.split('\n')[0]}` };
  }
}

async function checkDataFolder(): Promise<Finding> {
  const folder = findDataFolder();
  if (folder === undefined) {
    const named = process.env['TENFOLD_DATA'];
    return {
      state: 'missing',
      detail: named ? `TENFOLD_DATA names "${named}", which is no folder` : 'TENFOLD_DATA is not set',
      fix: 'Point TENFOLD_DATA to a folder of real data sets; tests that need one are skipped without it.',
    };
  }
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return { state: 'works', detail: `${folder}, ${names.length} sets` };
}

type Probe = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: string };

/** Runs a module text in a child of this Node; it prints one JSON line. */
async function runProbe(source: string, environment: Readonly<Record<string, string>> = {}): Promise<Probe> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', source], {
      cwd: dirname(new URL(import.meta.url).pathname),
      env: { ...process.env, ...environment },
      timeout: PROBE_TIMEOUT_MS,
    });
    return { ok: true, value: JSON.parse(stdout.trim().split('\n').at(-1)!) };
  } catch (cause) {
    const { stderr, message, signal } = cause as { stderr?: string; message: string; signal?: string };
    const line = stderr?.split('\n').find((text) => /Error|error|cannot/.test(text));
    return { ok: false, error: line?.trim() ?? (signal ? `ended by ${signal}` : message.split('\n')[0]!) };
  }
}
