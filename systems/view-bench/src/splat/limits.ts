/** Bounds shared by both ways of compositing. */

/** A pixel is finished before its transmittance would fall below this. */
export const MIN_TRANSMITTANCE = 1e-4;
/** Widens a row's span, so that rounding loses no pixel that passes the α test. */
export const SPAN_SLACK = 1e-6;
