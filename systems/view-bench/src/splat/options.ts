/** Options of rendering with their defaults. */

export interface RenderOptions {
  /** Gaussians at or nearer than this are left out, metres. Default 0.05. */
  readonly nearM?: number;
  /** Variance added to both axes, px². Default 0.3. */
  readonly lowPassPx2?: number;
  /** Fades Gaussians that the low-pass widened. Default false. */
  readonly isAntialiased?: boolean;
  /** Active degree of spherical harmonics; default the cloud's. */
  readonly shDegree?: number;
  /** Colour behind everything. Default black. */
  readonly background?: readonly [number, number, number];
  /** Largest α of one Gaussian at one pixel. Default 0.99. */
  readonly maxAlpha?: number;
  /** [N, E] further channels composited like colour; E in numExtra. */
  readonly extra?: Float32Array | Float64Array;
  readonly numExtra?: number;
  /** Composite depth along z as a further channel, after `extra`. Default false. */
  readonly hasDepth?: boolean;
}

export interface ResolvedRenderOptions extends Required<Omit<RenderOptions, 'extra'>> {
  readonly extra: Float32Array | Float64Array | undefined;
}

/** @param cloudDegree  degree of the cloud's coefficients; caps the active degree */
export function resolveRenderOptions(options: RenderOptions, cloudDegree: number): ResolvedRenderOptions {
  return {
    nearM: options.nearM ?? 0.05,
    lowPassPx2: options.lowPassPx2 ?? 0.3,
    isAntialiased: options.isAntialiased ?? false,
    shDegree: Math.min(options.shDegree ?? cloudDegree, cloudDegree),
    background: options.background ?? [0, 0, 0],
    maxAlpha: options.maxAlpha ?? 0.99,
    extra: options.extra,
    numExtra: options.numExtra ?? 0,
    hasDepth: options.hasDepth ?? false,
  };
}
