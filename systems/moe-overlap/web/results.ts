/** Results of verbs as the page sees them. */

export interface OptimiseResult {
  readonly accepted: string;
  readonly speedUp: number;
  readonly exposedRatio: number;
  readonly optimiseMs: number;
  readonly dw: readonly { readonly a2a: string; readonly gradients: readonly string[] }[];
}

export interface TokenCell {
  readonly token: number;
  readonly expert: number;
  /** -1: dropped. */
  readonly place: number;
}

export interface TokensResult {
  readonly experts: number;
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
