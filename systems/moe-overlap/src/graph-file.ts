/** graph.json and costs.json: the room's files for graphs and profiles. Times in the files are seconds. */
import { z } from 'zod';
import { tableFromPoints, timeOnDevice, type DeviceCosts } from './device-costs.ts';
import { analyticDevice } from './device-library.ts';
import { isComm, verifyOverlapGraph } from './op-graph.ts';
import { overlapError } from './overlap-errors.ts';
import { AXIS_RULES, MOE_PARTS, OP_ROLES, type OverlapGraph, type OverlapOp } from './types.ts';

const MS_PER_SEC = 1000;

const graphSchema = z.object({
  version: z.literal(1),
  name: z.string().default('graph'),
  gate: z.string(),
  axes: z.object({ batch: z.int().min(1) }),
  tensors: z.record(
    z.string(),
    z.object({
      shape: z.array(z.int().min(0)),
      dtype: z.enum(['f64', 'f32', 'bf16', 'f16', 'i64', 'i32']).default('f32'),
      dispatchBuffer: z.boolean().default(false),
      places: z.boolean().default(false),
      parameter: z.boolean().default(false),
    }),
  ),
  ops: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      role: z.enum(OP_ROLES).default('fwd'),
      ins: z.array(z.string()),
      outs: z.array(z.string()),
      time: z.number().optional(),
      costKey: z.string().optional(),
      bytes: z.number().min(0).optional(),
      flops: z.number().min(0).optional(),
      movedBytes: z.number().min(0).optional(),
      rule: z.enum(AXIS_RULES).optional(),
      axis: z.int().optional(),
      permutation: z.array(z.int()).optional(),
      moe: z.object({ layer: z.int(), part: z.enum(MOE_PARTS) }).optional(),
    }),
  ),
});

const commTables = z.record(z.string(), z.array(z.tuple([z.number(), z.number()])));

const costsSchema = z.object({
  device: z.string(),
  ops: z.record(z.string(), z.number()).default({}),
  comm: z.strictObject({ a2a: commTables.optional(), allreduce: commTables.optional() }).default({}),
  slowdown: z
    .object({ compute: z.number().min(1), comm: z.number().min(1) })
    .partial()
    .default({}),
});

const BYTES: Readonly<Record<string, number>> = { f64: 8, f32: 4, bf16: 2, f16: 2, i64: 8, i32: 4 };

/** @throws TF-OVERLAP-002 naming the field; TF-OVERLAP-001 if the operations are no straight line */
export function parseGraphFile(
  text: string,
  { opTimes = {}, device }: { readonly opTimes?: Readonly<Record<string, number>>; readonly device?: DeviceCosts } = {},
): OverlapGraph {
  const { ops, tensors, gate, axes, name } = parseFileWith(graphSchema, text, 'parseGraphFile');
  const graph = verifyOverlapGraph({
    name,
    // Unknown gates and kinds get their own text from verifyOverlapGraph.
    gate: gate as OverlapGraph['gate'],
    batch: axes.batch,
    tensors: Object.fromEntries(
      Object.entries(tensors).map(([key, { shape, dtype, dispatchBuffer, places, parameter }]) => [
        key,
        {
          shape,
          bytesPerElement: BYTES[dtype]!,
          ...(dispatchBuffer ? { isDispatchBuffer: true } : {}),
          ...(places ? { isPlaces: true } : {}),
          ...(parameter ? { isParameter: true } : {}),
        },
      ]),
    ),
    ops: ops.map(({ time, costKey, ...op }) => ({
      ...op,
      kind: op.kind as OverlapGraph['ops'][number]['kind'],
      timeMs: MS_PER_SEC * (time ?? (costKey === undefined ? 0 : (opTimes[costKey] ?? missingCost(op.id, costKey)))),
    })),
  });
  // Operations that state sizes but no time take as long as on the device.
  const timed = graph.ops.map((op, index) => {
    if (ops[index]!.time !== undefined || ops[index]!.costKey !== undefined) return op;
    const isSized = isComm(op) ? op.bytes !== undefined : op.flops !== undefined || op.movedBytes !== undefined;
    if (!isSized) missingSize(op);
    return device ? { ...op, timeMs: timeOnDevice(op, device) } : op;
  });
  return { ...graph, ops: timed };
}

/** Measured exchanges and slow-down; compute rates stay analytic where operations have no times.
 *  @throws TF-OVERLAP-002, TF-OVERLAP-004 */
export function parseCostsFile(
  text: string,
  numDevices: number,
): { readonly device: DeviceCosts; readonly opTimes: Readonly<Record<string, number>> } {
  const { device: name, comm, slowdown, ops } = parseFileWith(costsSchema, text, 'parseCostsFile');
  const base = analyticDevice({ numDevices });
  const table = (kind: keyof typeof comm) => {
    const points = comm[kind]?.[String(numDevices)];
    if (!points && comm[kind]) {
      throw overlapError('TF-OVERLAP-004', {
        subject: 'parseCostsFile',
        expected: `times of "${kind}" for ${numDevices} devices`,
        actual: `times for ${Object.keys(comm[kind]).join(', ')}`,
        hints: ['Choose one of these with --devices, or measure that size.'],
      });
    }
    return (
      points &&
      tableFromPoints(
        points.map(([bytes, sec]) => [bytes, sec * MS_PER_SEC] as const),
        kind,
      )
    );
  };
  const [allToAll, allReduce] = [table('a2a'), table('allreduce')];
  const from = (isMeasured: boolean): string => (isMeasured ? `profile of ${name}` : 'analytic');
  const { compute, comm: ofComm } = slowdown;
  return {
    opTimes: ops,
    device: {
      ...base,
      name,
      origin:
        `All-to-alls: ${from(allToAll !== undefined)}; all-reduces: ${from(allReduce !== undefined)}; ` +
        `slow-down: ${compute === undefined && ofComm === undefined ? 'none assumed' : from(true)}; compute without times: analytic`,
      allToAll: allToAll ?? base.allToAll,
      allReduce: allReduce ?? base.allReduce,
      computeSlowdown: compute ?? 1,
      commSlowdown: ofComm ?? 1,
    },
  };
}

export function parseFileWith<T>(schema: z.ZodType<T>, text: string, subject: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const actual = text.trim() === '' ? 'an empty file' : (cause as Error).message;
    throw overlapError('TF-OVERLAP-002', { subject, expected: 'JSON', actual, cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw overlapError('TF-OVERLAP-002', {
    subject,
    expected: 'a file in the documented format',
    actual: issue!.message,
    location: issue!.path.join('.'),
  });
}

function missingSize(op: OverlapOp): never {
  throw overlapError('TF-OVERLAP-004', {
    subject: 'parseGraphFile',
    expected: `"time", "costKey" or ${isComm(op) ? '"bytes"' : '"flops" or "movedBytes"'}`,
    actual: 'none of them',
    location: `operation "${op.id}"`,
  });
}

function missingCost(id: string, costKey: string): never {
  throw overlapError('TF-OVERLAP-004', {
    subject: 'parseGraphFile',
    expected: `a time for "${costKey}"`,
    actual: 'none in the profile',
    location: `operation "${id}"`,
  });
}
