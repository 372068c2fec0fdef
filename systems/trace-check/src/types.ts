/** The nouns of the room. */

/** What a tensor is in its training step. */
export type TensorKind =
  | 'in'
  | 'out'
  | 'din'
  | 'dout'
  | 'wgrad'
  | 'main_grad'
  | 'param'
  | 'param_next'
  | 'delta'
  | 'opt/m'
  | 'opt/v'
  | 'scalar'
  | 'route'
  | 'amax'
  | 'scale'
  | 'recompute_out';

/** Fields of `it{I}/mb{M}/{kind}/{module}#{slot}`; the micro-batch is left out where there is one tensor a step. */
export interface CanonicalId {
  readonly iteration: number;
  readonly microBatch?: number;
  readonly kind: TensorKind;
  /** Dotted path in the single-device model, global layer and expert indices. */
  readonly module: string;
  readonly slot?: string;
}

/** A block of the logical tensor: start, extent, and where it begins in the local tensor. Lengths equal the rank;
 *  boxes of a flat entry have one dimension: offsets in the flattened tensor. */
export interface Box {
  readonly g: readonly number[];
  readonly n: readonly number[];
  readonly l: readonly number[];
}

/** How an axis of the mesh cuts a tensor. */
export type Placement =
  | { readonly kind: 'R' | 'O' | 'F' }
  /** S: contiguous, in as many parts as the axis has ranks, or in fewer `parts` that neighbouring ranks share (keys and
   *  values of few query groups); Z: zigzag (chunks i and 2n−1−i). */
  | { readonly kind: 'S'; readonly dim: number; readonly parts?: number }
  | { readonly kind: 'Z'; readonly dim: number }
  /** The dimension is `parts` sections, each split contiguously (gate and up of a gated FC1). */
  | { readonly kind: 'G'; readonly dim: number; readonly parts: number }
  | { readonly kind: 'P'; readonly reduction: 'sum' | 'mean' };

export interface TraceMesh {
  /** Fastest first. */
  readonly axes: readonly { readonly name: string; readonly size: number }[];
}

export type TracePrecision = 'float32' | 'float16' | 'bfloat16' | 'float8';

/** run.json. Numbers are plain; fields left out are unknown. */
export interface RunInfo {
  readonly format: 'tenfold-trace/1';
  readonly role: 'reference' | 'candidate' | 'perturbed';
  readonly world: number;
  readonly mesh: TraceMesh;
  readonly precision: TracePrecision;
  /** What the mean loss per token was multiplied by before backward; `dout`, `din`, `wgrad` are divided by it. */
  readonly lossFactor: number;
  readonly level: 'full' | 'sketch' | 'hash' | 'stats';
  readonly mode?: 'e2e' | 'isolate';
  readonly numLayers?: number;
  /** Global micro-batches of a step. */
  readonly numMicroBatches?: number;
  readonly numTokens?: number;
  readonly planHash?: string;
  readonly tokenHash?: string;
  readonly parameterHash?: string;
  readonly sketchBuckets?: number;
  /** Kinds that the run's framework never holds: FSDP reduces weight gradients of micro-batches inside the backward pass. */
  readonly unrecordedKinds?: readonly 'wgrad'[];
  readonly fp8?: { readonly scaling: string };
  readonly perturbation?: {
    readonly where: string;
    readonly seed: number;
    readonly ulps: number;
    /** Share of perturbed elements whose stored value changed. */
    readonly changedShare: number;
  };
  /** Parameters that are copies of each other. */
  readonly tied?: readonly (readonly [string, string])[];
  readonly dropout?: number;
  readonly framework?: string;
  readonly command?: string;
}

/** One line of an index file. */
export interface TensorEntry {
  readonly id: string;
  /** Safetensors file in the folder and name of the tensor in it. */
  readonly file: string;
  readonly key: string;
  /** Safetensors dtype: F32, BF16, … */
  readonly dtype: string;
  readonly local: readonly number[];
  readonly global: readonly number[];
  readonly boxes: readonly Box[];
  /** Boxes are ranges of the flattened tensor. */
  readonly flat?: boolean;
  /** As annotated, for people: axis → `S(0)`. */
  readonly placements?: Readonly<Record<string, string>>;
  /** Axes over which the values still have to be added (or averaged). */
  readonly partial?: readonly string[];
  readonly partialMean?: boolean;
  /** Order of capture in its rank. */
  readonly seq: number;
  readonly timeMs?: number;
  /** Levels below full: exact squared norm, sum and largest magnitude of the local tensor. */
  readonly norm2?: number;
  readonly sum?: number;
  readonly max?: number;
  readonly hash?: string;
}

export type Status = 'PASS' | 'FAIL' | 'REPLICA_DIVERGED' | 'MISSING' | 'INCONCLUSIVE' | 'SKIPPED';

/** What comparing one logical tensor gave. Sums in f64 over logical elements. */
export interface Comparison {
  readonly id: string;
  readonly numel: number;
  /** ‖a − b‖ / ‖b‖; Infinity where b is zero and a is not. */
  readonly rel: number;
  /** ⟨a, b⟩ / ⟨b, b⟩. */
  readonly alpha: number;
  /** ‖a − αb‖ / ‖b‖. */
  readonly residual: number;
  readonly cosine: number;
  readonly maxAbs: number;
  readonly normRef: number;
  readonly normCand: number;
  readonly isBitwise: boolean;
  /** Elements that are not finite in one run and different in the other. */
  readonly numNonFinite: number;
  readonly numRefNonFinite: number;
  /** Logical elements no shard of the candidate (or reference) covers. */
  readonly numUncovered: number;
  readonly replica?: ReplicaFinding;
  /** Ids present in one run only. */
  readonly missingIn?: 'reference' | 'candidate';
  readonly isSketch?: boolean;
  /** Norms and sums alone were compared: the true `rel` is at least this. */
  readonly isLowerBound?: boolean;
}

export interface ReplicaFinding {
  /** Mesh axes along which copies differ. */
  readonly axes: readonly string[];
  /** ‖copy − first copy‖ / ‖first copy‖ over the elements held twice. */
  readonly rel: number;
  readonly numDiffering: number;
  readonly ranks: readonly [number, number];
}

export interface ToleranceEntry {
  /** Largest relative change among the perturbed runs. */
  readonly ePert: number;
  readonly tau: number;
  readonly status: 'ok' | 'inconclusive' | 'static';
}

export interface Hint {
  readonly kind:
    | 'scale'
    | 'not-reduced'
    | 'reduced-twice'
    | 'permutation'
    | 'layout'
    | 'stale'
    | 'subset'
    | 'precision'
    | 'missing-layer'
    | 'zero'
    | 'added-rows'
    | 'varying-scale'
    | 'contributions'
    | 'operands'
    | 'ring'
    | 'underflow'
    | 'frozen-scale'
    | 'copies'
    | 'dropout'
    | 'ranks';
  readonly text: string;
}

export interface Finding {
  readonly id: string;
  readonly kind: TensorKind;
  readonly module: string;
  readonly iteration: number;
  readonly seq: number;
  readonly status: Status;
  readonly rel: number;
  readonly tau: number;
  readonly ePert: number;
  readonly alpha: number;
  readonly cosine: number;
  readonly maxAbs: number;
  readonly note?: string;
  readonly hints: readonly Hint[];
}

/** Columns of the detection matrix. */
export type EvidenceColumn =
  | 'census'
  | 'param'
  | 'forward'
  | 'recompute'
  | 'backward'
  | 'wgrad'
  | 'main_grad'
  | 'scalar'
  | 'replica'
  | 'delta'
  | 'step2';

export interface CheckResult {
  readonly verdict: 'pass' | 'divergence' | 'inconclusive';
  /** One sentence. */
  readonly text: string;
  readonly culprit?: { readonly id: string; readonly module: string; readonly column: EvidenceColumn };
  /** First failing id per kind of evidence. */
  readonly firsts: Readonly<Partial<Record<EvidenceColumn, string>>>;
  readonly counts: Readonly<Record<Status, number>>;
  /** In causal order. */
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
  readonly maxRatio: number;
  readonly isSketch: boolean;
  /** What fixed rules would have said of the same traces. */
  readonly baselines: Baselines;
}

/** A tensor looked at closely, for people. */
export interface CloseUp {
  readonly id: string;
  readonly shape: readonly number[];
  /** Axis → placement, as annotated. */
  readonly placements: Readonly<Record<string, string>>;
  readonly blocks: readonly CloseUpBlock[];
  /** Elements by the size of their difference: log10(|a − b| / rms(b)), bins of half a decade from 10^leastDecade. */
  readonly histogram: readonly number[];
  readonly leastDecade: number;
  readonly numEqual: number;
  /** Rows of the last dimension with the largest share of the squared error. */
  readonly worstRows: readonly { readonly row: string; readonly share: number; readonly rel: number | null }[];
}

export interface CloseUpBlock {
  readonly rank: number;
  /** Extents in the first and last dimension; a flat range has its own two. */
  readonly rows: readonly [number, number];
  readonly columns: readonly [number, number];
  /** Error of this rank's copy of the block; null where the values are still to be added up. */
  readonly rel: number | null;
}

export interface Baselines {
  /** Relative change of the first loss, the only thing many runs watch. */
  readonly lossChange: number | null;
  readonly gradNormChange: number | null;
  /** Failures under one fixed bound k·C^L·eps. */
  readonly staticBound: number;
  readonly numStaticFails: number;
  /** Failures under cosine ≤ 0.99. */
  readonly numCosineFails: number;
}
