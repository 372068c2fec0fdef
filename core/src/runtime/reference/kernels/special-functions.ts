/** erf to full f64 accuracy, and the activations built on it. */

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);
/** Below this |x| the Maclaurin series converges fast without cancellation trouble; above, the continued fraction does. */
const SERIES_LIMIT = 2.5;
/** erfc(6.1) < 2⁻⁵⁵: erf is 1 in f64. */
const SATURATION = 6.1;
const FRACTION_TERMS = 90;

/** Error function. Series erf(x) = 2/√π · e^(−x²) Σ 2ⁿ x^(2n+1)/(2n+1)!! below 2.5 (all terms positive),
 *  Lentz-free backward continued fraction of erfc above. Relative error below 1e-14. */
export function erf(x: number): number {
  const z = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (z > SATURATION) return Math.sign(x);
  if (z < SERIES_LIMIT) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return TWO_OVER_SQRT_PI * Math.exp(-x * x) * sum;
  }
  // erfc(z) = e^(−z²)/√π · 1/(z + (1/2)/(z + 1/(z + (3/2)/(z + …))))
  let fraction = z;
  for (let k = FRACTION_TERMS; k >= 1; k--) fraction = z + k / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-z * z) / Math.sqrt(Math.PI) / fraction);
}

export const sigmoid = (x: number): number => {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
};

/** log(1 + e^x) without overflow. */
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

export const geluExact = (x: number): number => 0.5 * x * (1 + erf(x * Math.SQRT1_2));

const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);
/** Hendrycks & Gimpel 2016 (arXiv 1606.08415), tanh form. */
const GELU_CUBIC = 0.044715;
export const geluTanh = (x: number): number => 0.5 * x * (1 + Math.tanh(SQRT_2_OVER_PI * (x + GELU_CUBIC * x * x * x)));

/** Nearest integer, ties to even (ONNX Round). */
export const roundHalfEven = (x: number): number => {
  const floor = Math.floor(x);
  const fraction = x - floor;
  if (fraction !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
};
