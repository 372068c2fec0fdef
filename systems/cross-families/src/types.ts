/** The nouns of the room.
 *
 *  Ground set [n] = {1..n}. Families F_0..F_{m−1}, numbered from 0 here and from 1 in the paper. A set is an ascending
 *  array of elements 1..n, or a bit mask with bit e−1 for element e. A *layer* (i, k) is the sets of size k in F_i. */

/** A normalised problem: sizes ascending and distinct, in 1..n unless the empty set can belong to a family. */
export interface Problem {
  readonly n: number;
  /** sizes[i] = R_i, the allowed set sizes of family i. */
  readonly sizes: readonly (readonly number[])[];
  /** |A ∩ B| ≥ t for all A, B of different families; default 1. */
  readonly t: number;
  /** weights[i][p] ≥ 0 belongs to the layer (i, sizes[i][p]); absent means 1 everywhere. */
  readonly weights?: readonly (readonly bigint[])[];
  readonly objective: 'sum' | 'product';
  /** Families whose own members must meet pairwise too. */
  readonly selfIntersecting: readonly number[];
  /** Pairs of families that must cross-intersect; absent means all pairs. */
  readonly conflicts?: readonly (readonly [number, number])[];
  readonly allowEmpty: boolean;
}

/** How far the value can be trusted, in words shown to the user. */
export type Status = 'exact-trivial' | 'exact-closed' | 'exact-search' | 'exact-mip' | 'bounds';

/** `theorem-for-rest`: some families are always full and the theorem answers for the others. */
export type Regime = 'trivial' | 'theorem' | 'theorem-for-rest' | 'uniform-mixed' | 'small' | 'medium' | 'large';

/** One family tuple: sets[i] lists the members of F_i as ascending arrays. */
export type FamilyTuple = readonly (readonly (readonly number[])[])[];

export type OrbitKind = 'star' | 'ball' | 'complement' | 'halving' | 'mixed' | 'dual-choice' | 'full' | 'other';

/** A class of extremal tuples under relabelling of points and exchange of alike families. */
export interface Orbit {
  readonly kind: OrbitKind;
  /** The family that leaves the star (ball), 0-based. */
  readonly j?: number;
  /** Size of the ball's centre. */
  readonly s?: number;
  /** Number of labelled tuples in the class. */
  readonly size: bigint;
  /** Makes one member of the class. */
  representative(): FamilyTuple;
}

export interface Solution {
  readonly problem: Problem;
  readonly status: Status;
  readonly regime: Regime;
  /** The maximum, or the best value found when status is `bounds`. */
  readonly value: bigint;
  /** Proved upper bound; equals value unless status is `bounds`. */
  readonly upper: bigint;
  /** Number of labelled extremal tuples; absent when it was not asked for or is unknown. */
  readonly labelled?: bigint;
  /** Number of orbits; absent when not asked for or unknown. */
  readonly numOrbits?: bigint;
  readonly orbits?: readonly Orbit[];
  readonly certificate: Certificate;
  readonly notes: readonly string[];
}

/** One family of a certificate, as a rule or as explicit sets; symbolic rules keep n = 1000 checkable. */
export type FamilyRule =
  /** All sets of allowed size that meet S. */
  | { readonly meets: readonly number[] }
  /** All sets of allowed size that contain T. */
  | { readonly contains: readonly number[] }
  /** All sets of allowed size with at least `count` elements in S. */
  | { readonly atLeast: { readonly count: number; readonly of: readonly number[] } }
  /** All sets of these sizes. */
  | { readonly full: readonly number[] }
  | { readonly sets: readonly (readonly number[])[] }
  /** The lexicographically first count sets of each size (decimal strings). */
  | { readonly lexPrefix: Readonly<Record<string, string>> };

export type UpperBound =
  | { readonly type: 'theorem'; readonly id: string }
  | { readonly type: 'vertexCover'; readonly pairs: readonly CoverOfPair[] }
  | { readonly type: 'search'; readonly nodes: number; readonly logHash: string; readonly version: string }
  | { readonly type: 'mip'; readonly gap: number; readonly bound: string; readonly nodes: number }
  | { readonly type: 'density' }
  | { readonly type: 'none' };

/** König cover of the disjointness graph that is left once A ∈ F_0 and B ∈ F_1 are forced in. */
export interface CoverOfPair {
  readonly a: readonly number[];
  readonly b: readonly number[];
  /** Per family the covered sets. */
  readonly cover: readonly (readonly (readonly number[])[])[];
}

/** JSON form of a problem inside a certificate: weights are decimal strings. */
export interface ProblemJson {
  readonly n: number;
  readonly sizes: readonly (readonly number[])[];
  readonly t?: number;
  readonly weights?: readonly (readonly string[])[];
  readonly objective?: 'sum' | 'product';
  readonly selfIntersecting?: readonly number[];
  readonly conflicts?: readonly (readonly [number, number])[];
  readonly allowEmpty?: boolean;
}

export interface Certificate {
  readonly schema: 'families/1';
  readonly problem: ProblemJson;
  readonly claim: { readonly value: string; readonly upper: string; readonly kind: 'maximum' | 'bounds' };
  readonly tuple: readonly FamilyRule[];
  readonly upper: UpperBound;
}
