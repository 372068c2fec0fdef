/** Asks the engine which provider runs each node. It tells only in its log, so the question goes to a child process. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { providerName } from '../engine/op-timings.ts';

export interface Placement {
  readonly op: string;
  readonly node: string;
  readonly provider: string;
}

const PLACED_ON = /placed on \[(\w+)\]/i;
const PLACED_NODE = /VerifyEachNodeIsAssignedToAnEp\]\s{2,}(\S+) \((.*)\)\s*$/;
const ALL_PLACED_ON = /All nodes placed on \[(\w+)\]/;

/** Placements of the engine's own graph, after its fusions.
 *  @returns all nodes, or `{ all: provider }` if one provider has them all */
export async function askPlacements(model: Uint8Array): Promise<readonly Placement[] | { readonly all: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-placement-'));
  try {
    const path = join(folder, 'model.onnx');
    writeFileSync(path, model);
    return parsePlacements(await engineLog(path));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function parsePlacements(log: string): readonly Placement[] | { readonly all: string } {
  const placements: Placement[] = [];
  let provider = '';
  for (const line of log.split('\n')) {
    const all = ALL_PLACED_ON.exec(line);
    if (all !== null) return { all: providerName(all[1]) };
    provider = PLACED_ON.exec(line)?.[1] ?? provider;
    const node = PLACED_NODE.exec(line);
    if (node !== null) placements.push({ op: node[1], node: node[2], provider: providerName(provider) });
  }
  return placements;
}

function engineLog(modelPath: string): Promise<string> {
  const engine = createRequire(import.meta.url).resolve('onnxruntime-node');
  const program = `require(${JSON.stringify(engine)}).InferenceSession.create(${JSON.stringify(modelPath)}, {
    executionProviders: ['webgpu'], logSeverityLevel: 0, logVerbosityLevel: 1 }).catch(() => {});`;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => void (log += text));
    child.on('error', reject);
    child.on('close', () => resolve(log));
  });
}
