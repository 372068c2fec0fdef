/** Results of verbs as the page sees them. */
import type { DwMatching } from '../src/dw-matching.ts';

export const GATES = ['switch', 'topk', 'topk-ranked', 'bpr', 'hash', 'expert-choice'] as const;
export type Gate = (typeof GATES)[number];

export const MODELS = [
  { value: 's', label: 'GPT2-S-MoE, 12 layers' },
  { value: 'l', label: 'GPT2-L-MoE, 24 layers' },
] as const;

export interface OptimiseResult {
  readonly speedUp: number;
  readonly exposedRatio: number;
  readonly optimiseMs: number;
  readonly matching: Readonly<Record<'paper' | 'official' | 'exact', DwMatching>>;
}

export interface MeasuredResult {
  readonly modes: readonly { readonly mode: string; readonly exposedMs: number; readonly error: number }[];
  readonly numGradients: number;
}

export interface TourResult {
  readonly planned: OptimiseResult;
  readonly measured: MeasuredResult;
}

export interface ExplainResult {
  readonly canCut: boolean;
  readonly conflict: readonly string[];
  readonly text: string;
  readonly ops: readonly {
    readonly id: string;
    readonly kind: string;
    readonly outs: readonly { readonly tensor: string; readonly axis: string }[];
  }[];
}

export interface TokenCell {
  readonly token: number;
  readonly expert: number;
  /** -1: dropped. */
  readonly place: number;
}

export interface TokensResult {
  readonly experts: number;
  readonly capacity: number;
  readonly parts: number;
  readonly whole: readonly TokenCell[];
  readonly passed: readonly TokenCell[];
  readonly naive: readonly TokenCell[];
}

export interface RangeResult {
  readonly wholeMs: number;
  readonly grid: readonly {
    readonly reach: number;
    readonly parts: number;
    readonly ms: number | null;
    readonly from: string;
    readonly to: string;
  }[];
}
