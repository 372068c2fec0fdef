/** P(i, n, k): time of a range of operations cut into k parts and pipelined over the two lanes (paper).
 *
 *  Stages are maximal runs of one kind. Order: stage by stage; within a stage part 1 … k, the operations of one part
 *  together. An operation that is not cut runs once: behind the first stage that has all it needs, after the parts. */
export interface RangeOp {
  readonly isComm: boolean;
  /** Positions inside the range. */
  readonly producers: readonly number[];
  /** Default true. */
  readonly isCut?: boolean;
}

export interface PipelineStep {
  /** Position inside the range. */
  readonly op: number;
  /** 0 … k−1; -1: the operation is not cut. */
  readonly part: number;
  readonly isComm: boolean;
  readonly timeMs: number;
  /** Indices of steps. */
  readonly producers: readonly number[];
}

/** The steps of the pipelined range in issue order.
 *  @param partMs  time of operation `op` as one of k parts (k = 1: whole) */
export function pipelineSteps(
  ops: readonly RangeOp[],
  numParts: number,
  partMs: (op: number, numParts: number) => number,
): PipelineStep[] {
  const steps: PipelineStep[] = [];
  const stepsOf: number[][] = ops.map(() => []);
  const add = (op: number, part: number): void => {
    const producers = ops[op]!.producers.flatMap((producer) => {
      const made = stepsOf[producer]!;
      return made.length === 0 ? [] : part >= 0 && ops[producer]!.isCut !== false ? [made[part]!] : made;
    });
    stepsOf[op]!.push(steps.length);
    steps.push({ op, part, isComm: ops[op]!.isComm, timeMs: partMs(op, part < 0 ? 1 : numParts), producers });
  };
  for (let start = 0; start < ops.length;) {
    let end = start + 1;
    while (end < ops.length && ops[end]!.isComm === ops[start]!.isComm) end++;
    const isEarly = earlyWholes(ops, start, end);
    for (let op = start; op < end; op++) if (isEarly[op] === 1) add(op, -1);
    for (let part = 0; part < numParts; part++) {
      for (let op = start; op < end; op++) if (ops[op]!.isCut !== false) add(op, part);
    }
    for (let op = start; op < end; op++) if (ops[op]!.isCut === false && isEarly[op] === 0) add(op, -1);
    start = end;
  }
  return steps;
}

/** Whole operations that cut ones of the stage [start, end) read: they go first. */
function earlyWholes(ops: readonly RangeOp[], start: number, end: number): Uint8Array {
  const isEarly = new Uint8Array(ops.length);
  for (let op = end - 1; op >= start; op--) {
    if (ops[op]!.isCut === false && isEarly[op] === 0) continue;
    for (const producer of ops[op]!.producers) if (ops[producer]!.isCut === false) isEarly[producer] = 1;
  }
  return isEarly;
}

/** The makespan of pipelineSteps without building them: planning asks for it thousands of times.
 *  @returns ms; for k = 1 the sum over the range (nothing in it overlaps) */
export function pipelineMs(
  ops: readonly RangeOp[],
  numParts: number,
  partMs: (op: number, numParts: number) => number,
): number {
  if (numParts === 1) return ops.reduce((sum, _, op) => sum + partMs(op, 1), 0);
  const numOps = ops.length;
  // endMs[op·k + part]; operations that are not cut have all their places filled with one end.
  const endMs = new Float64Array(numOps * numParts);
  const ownMs = Float64Array.from(ops, ({ isCut }, op) => partMs(op, isCut === false ? 1 : numParts));
  const freeMs = [0, 0];
  const run = (op: number, part: number): void => {
    const { producers, isComm } = ops[op]!;
    const lane = isComm ? 1 : 0;
    let start = freeMs[lane]!;
    for (const producer of producers) {
      if (part >= 0) {
        const ready = endMs[producer * numParts + part]!;
        if (ready > start) start = ready;
      } else {
        for (let each = 0; each < numParts; each++) {
          const ready = endMs[producer * numParts + each]!;
          if (ready > start) start = ready;
        }
      }
    }
    const end = start + ownMs[op]!;
    freeMs[lane] = end;
    if (part >= 0) endMs[op * numParts + part] = end;
    else endMs.fill(end, op * numParts, (op + 1) * numParts);
  };
  const hasWholes = ops.some(({ isCut }) => isCut === false);
  for (let start = 0; start < numOps;) {
    let end = start + 1;
    while (end < numOps && ops[end]!.isComm === ops[start]!.isComm) end++;
    const isEarly = hasWholes ? earlyWholes(ops, start, end) : undefined;
    if (isEarly) for (let op = start; op < end; op++) if (isEarly[op] === 1) run(op, -1);
    for (let part = 0; part < numParts; part++) {
      for (let op = start; op < end; op++) if (ops[op]!.isCut !== false) run(op, part);
    }
    if (isEarly) for (let op = start; op < end; op++) if (ops[op]!.isCut === false && isEarly[op] === 0) run(op, -1);
    start = end;
  }
  return Math.max(freeMs[0]!, freeMs[1]!);
}

/** A list where each operation needs the one before, as the paper's examples are. */
export function chainOf(kinds: readonly boolean[]): RangeOp[] {
  return kinds.map((isComm, index) => ({ isComm, producers: index === 0 ? [] : [index - 1] }));
}
