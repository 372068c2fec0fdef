/** Results of verbs as the page sees them (BigInt as decimal strings). */

export interface ExtremalResult {
  readonly status: string;
  readonly regime: string;
  readonly value: string;
  readonly upper: string;
  readonly labelled?: string;
  readonly numOrbits?: string;
  readonly orbits?: readonly {
    readonly kind: string;
    readonly j?: number;
    readonly s?: number;
    readonly size: string;
  }[];
  readonly tuples: readonly (readonly (readonly (readonly number[])[])[])[];
  readonly isListComplete: boolean;
  readonly certificate: { readonly problem: { readonly n: number } };
}

export type Families = readonly (readonly (readonly number[])[])[];

export interface OperateResult {
  readonly families: Families;
  readonly before: Families;
  readonly steps: readonly {
    readonly i: number;
    readonly j: number;
    readonly numMoved: number;
    readonly families: Families;
  }[];
}
