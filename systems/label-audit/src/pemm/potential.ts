/** Pair potential of class centres: they repel when near, attract when far, and rest at one distance.
 *  Math: E(r) = r^−s − r^−t;  r* = (s/t)^(1/(s−t));  E* = −((s−t)/t) · (s/t)^(−s/(s−t)).
 *  For (3, 2): r* = 1.5, E* = −4/27.  Source: potential energy based mixture model (arXiv 2405.01186). */

export interface PotentialParams {
  /** Exponent of the repulsion, > t. Default 3. */
  readonly s?: number;
  /** Exponent of the attraction, > 0. Default 2. */
  readonly t?: number;
  /** Below this distance the curve goes on as its tangent, so that coincident centres part with a finite force. Default 0.1. */
  readonly softCore?: number;
  /** The published form: no tangent, E clamped to [−1.5, 1000], which leaves centres nearer than 0.0967 without force. */
  readonly isClamped?: boolean;
}

export const DEFAULT_POTENTIAL = { s: 3, t: 2, softCore: 0.1, isClamped: false } as const;
export const CLAMP = [-1.5, 1000] as const;

/** E and dE/dr at a distance. */
export function pairPotential(r: number, params: PotentialParams = {}): { energy: number; slope: number } {
  const { s, t, softCore, isClamped } = { ...DEFAULT_POTENTIAL, ...params };
  const at = isClamped ? r : Math.max(r, softCore);
  const energy = at ** -s - at ** -t;
  const slope = -s * at ** (-s - 1) + t * at ** (-t - 1);
  if (!isClamped) return { energy: energy + slope * (r - at), slope };
  const [low, high] = CLAMP;
  const isInside = energy >= low && energy <= high;
  return { energy: Math.min(Math.max(energy, low), high), slope: isInside ? slope : 0 };
}

/** The stable distance and its energy. */
export function potentialMinimum({ s = 3, t = 2 }: PotentialParams = {}): { distance: number; energy: number } {
  const distance = (s / t) ** (1 / (s - t));
  return { distance, energy: -((s - t) / t) * (s / t) ** (-s / (s - t)) };
}
