/** The nouns of the room. Times are ms, sizes bytes; samples are counted, never shares of a batch. */

/** `trainable`: forward, both gradients, synchronised. `gradThrough`: frozen weights that activations' gradients pass
 *  (forward and dX). `frozen`: forward only; may run in bubbles. */
export type LayerKind = 'trainable' | 'gradThrough' | 'frozen';

/** Measured or derived times: `timesMs[i]` for `sizes[i]` samples on one device; sizes ascend. Between points linear,
 *  below the first point its time, beyond the last its slope. */
export interface TimeTable {
  readonly sizes: readonly number[];
  readonly timesMs: readonly number[];
}

export interface LayerProfile {
  readonly name: string;
  readonly kind: LayerKind;
  readonly forward: TimeTable;
  /** Absent for frozen layers only. */
  readonly backward?: TimeTable;
  readonly paramBytes: number;
  /** Bytes that data parallelism reduces; 0 unless trainable. */
  readonly gradBytes: number;
  /** What the backward pass needs kept, per sample. */
  readonly activationBytesPerSample: number;
  /** The main output, per sample. */
  readonly outputBytesPerSample: number;
  /** Per sample, where known. */
  readonly flops?: number;
}

/** The output of layer `from` that layer `to` > `from` + 1 reads besides its main input. */
export interface Skip {
  readonly from: number;
  readonly to: number;
  readonly bytesPerSample: number;
  /** Skips with the same name carry one tensor, which crosses a cut once. Default: the main output of `from`. */
  readonly tensor?: string;
  /** Default true: the gradient comes back over the same cut. */
  readonly hasGradient?: boolean;
}

/** Layers in order; every layer reads the one before it. */
export interface Backbone {
  readonly name: string;
  readonly layers: readonly LayerProfile[];
  readonly skips: readonly Skip[];
}

/** A chain of frozen layers; `preds` must be complete before its first layer runs. */
export interface FrozenComponent {
  readonly id: string;
  readonly layers: readonly LayerProfile[];
  readonly preds: readonly string[];
  /** Backbone layers that read its outputs. Default: layer 0 reads the last layer's output. */
  readonly consumers?: readonly FrozenConsumer[];
}

export interface FrozenConsumer {
  /** Of the backbone. */
  readonly layer: number;
  readonly bytesPerSample: number;
  /** Consumers with the same name on one stage share what arrives. */
  readonly tensor: string;
}

export interface DiffusionModel {
  readonly name: string;
  /** One or more; a plan trains all of them in one iteration. */
  readonly backbones: readonly Backbone[];
  readonly frozen: readonly FrozenComponent[];
  /** An extra forward pass whose output is fed back, with this probability. */
  readonly selfConditioning?: { readonly probability: number };
  /** What a runner builds; absent for profiles without known layers. */
  readonly architecture?: Architecture;
  /** Where the times come from, for reports. */
  readonly origin: string;
  /** What the runner measured besides layers; takes the place of the cluster's assumptions. */
  readonly measured?: MeasuredDevice;
}

export interface MeasuredDevice {
  /** Between devices of a node, both directions at once. */
  readonly link?: LinkSpeed | undefined;
  /** Of all-reduce in a node, by number of devices. */
  readonly allReduceBusBytesPerSec?: Readonly<Record<string, number>> | undefined;
  /** What an all-reduce takes besides its bytes, queued behind others, by number of devices. Absent: 2(n − 1) latencies. */
  readonly allReduceStartMs?: Readonly<Record<string, number>> | undefined;
  /** Optimizer, per byte of parameters. */
  readonly updateMsPerByte?: number | undefined;
  readonly memoryBytes?: number | undefined;
}

/** Shapes of a latent-diffusion model whose layers a runner can build. */
export interface Architecture {
  readonly unet: {
    readonly inChannels: number;
    readonly outChannels: number;
    readonly size: number;
    readonly channels: readonly number[];
    readonly blocksPerLevel: number;
    readonly hasAttention: readonly boolean[];
    readonly heads: readonly number[];
    readonly text?: { readonly width: number; readonly tokens: number };
  };
  readonly vae: { readonly id: string; readonly size: number; readonly channels: readonly number[] };
  readonly text: {
    readonly id: string;
    readonly width: number;
    readonly layers: number;
    readonly heads: number;
    readonly vocabulary: number;
    readonly tokens: number;
    /** Layers (embedding, blocks, norm) that are one frozen layer of the profile. */
    readonly layersTogether: number;
  };
}

export interface LinkSpeed {
  readonly latencyMs: number;
  readonly bytesPerSec: number;
}

export interface Cluster {
  readonly numDevices: number;
  readonly devicesPerNode: number;
  readonly memoryBytes: number;
  readonly intra: LinkSpeed;
  readonly inter: LinkSpeed;
  /** Measured bus bandwidth of all-reduce by group size, bytes per second, within nodes and across. */
  readonly allReduceBusBytesPerSec?: {
    readonly intra: Readonly<Record<string, number>>;
    readonly inter: Readonly<Record<string, number>>;
  };
  /** Measured start of an all-reduce inside a node by group size. Absent: 2(n − 1) latencies of the link. */
  readonly allReduceStartMs?: Readonly<Record<string, number>>;
  /** Computation takes this many times as long while a collective runs on the device. Default 1. */
  readonly overlapSlowdown?: number;
}

export type Warmup = 'classic' | 'commAware';
export type FillMode = 'none' | 'greedy' | 'fullOnly' | 'perDevice' | 'exact';
export type Placement = 'pipeline-inner' | 'dp-inner';

/** Layers [start, end) on `replicas` devices of every pipeline group. */
export interface Stage {
  readonly start: number;
  readonly end: number;
  readonly replicas: number;
}

/** Everything the simulation of one pipeline needs; one entry per stage, cuts lie behind stages 0 .. S−2. */
export interface PipelineTimes {
  readonly numMicroBatches: number;
  readonly forwardMs: readonly number[];
  readonly backwardMs: readonly number[];
  readonly cutForwardMs: readonly number[];
  readonly cutBackwardMs: readonly number[];
  readonly syncMs: readonly number[];
  /** Network cards that a stage's all-reduce occupies; stages with a card in common take turns. Absent: none. */
  readonly syncCards?: readonly (readonly number[])[];
  /** With self-conditioning: the first pass's output on its way back to the first stage. */
  readonly feedbackMs?: number;
  /** Devices of each stage within a group. */
  readonly replicas: readonly number[];
}

/** A time at which the same devices of a group idle together. */
export interface IdleSlot {
  readonly startMs: number;
  readonly endMs: number;
  /** Stages that idle, ascending. */
  readonly stages: readonly number[];
  /** Devices of those stages together. */
  readonly numDevices: number;
}

/** Frozen work put into an idle slot: `samplesPerDevice` on each of its devices, `samples` together. */
export interface FrozenSpan {
  readonly component: string;
  readonly layer: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly stages: readonly number[];
  /** Set in per-device mode: which replica of the stage. */
  readonly replica?: number;
  readonly numDevices: number;
  readonly samplesPerDevice: number;
  /** Samples of the group batch that this run handles: [sampleStart, sampleStart + samples). */
  readonly sampleStart: number;
  readonly samples: number;
  /** After the pipeline, on all devices. */
  readonly isLeftOver: boolean;
}

export interface FillResult {
  readonly mode: FillMode;
  readonly spans: readonly FrozenSpan[];
  /** Device-ms of frozen work inside bubbles. */
  readonly filledDeviceMs: number;
  /** Device-ms of bubbles that were offered. */
  readonly idleDeviceMs: number;
  /** Time after the pipeline that the rest takes. */
  readonly leftOverMs: number;
  readonly iterationMs: number;
}

export interface StageMemory {
  readonly stage: number;
  readonly weightsBytes: number;
  readonly gradientsBytes: number;
  readonly optimizerBytes: number;
  readonly activationBytes: number;
  readonly bufferBytes: number;
  readonly frozenBytes: number;
  readonly totalBytes: number;
  /** Micro-batches whose activations are kept at the peak. */
  readonly inflight: number;
}
