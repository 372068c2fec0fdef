/** The nouns of the room: Gaussians, cameras, frames, scenes. World in metres; camera axes x right, y down, z forward. */

/** f32 for training, f64 for the reference that gradients are checked against. */
export type Reals = Float32Array | Float64Array;

/** Anisotropic Gaussians; row i of every array belongs to Gaussian i. Raw (unactivated) parameters. */
export interface GaussianCloud {
  readonly count: number;
  /** 0..3; `sh` holds (shDegree + 1)² coefficients a colour channel. */
  readonly shDegree: number;
  /** [N, 3] metres */
  readonly means: Reals;
  /** [N, 4] (w, x, y, z), not normalised */
  readonly quats: Reals;
  /** [N, 3] natural log of the standard deviations in metres */
  readonly logScales: Reals;
  /** [N] */
  readonly opacityLogits: Reals;
  /** [N, K, 3], coefficient-major */
  readonly sh: Reals;
}

/** Pinhole camera with its full intrinsics; pixel i has its centre at i + 0.5. */
export interface PinholeCamera {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly fx: number;
  readonly fy: number;
  readonly cx: number;
  readonly cy: number;
  /** [3, 3] row-major rotation of cameraFromWorld */
  readonly rotation: Float64Array;
  /** [3] translation of cameraFromWorld */
  readonly translation: Float64Array;
}

/** Interleaved RGB in 0..1, rows from the top: data[(y · width + x) · 3 + c]. */
export interface RgbImage {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly data: Float32Array;
}

/** Where a frame stands against the training views: level 1 moved aside, 2 turned, 3 both; `control` lies between them. */
export type Level = 'train' | 'control' | 'level1' | 'level2' | 'level3';

/** One posed photograph. Masks hold 1 for pixels that count and 0 for pixels that do not. */
export interface Frame {
  readonly name: string;
  readonly camera: PinholeCamera;
  readonly image: RgbImage;
  readonly traversal?: string;
  readonly channel?: string;
  /** As the scene's author labels it; otherwise found from the distances. */
  readonly level?: Level;
  /** [H, W] 1 = static, 0 = moving object */
  readonly staticMask?: Uint8Array;
  /** [H, W] 1 = not sky */
  readonly groundMask?: Uint8Array;
  /** [H, W] depth along z in metres, 0 = none */
  readonly depthM?: Float32Array;
}

export interface PointCloud {
  /** [P, 3] metres */
  readonly positions: Float64Array;
  /** [P, 3] sRGB in 0..255 */
  readonly colors: Uint8Array;
}

/** Structure from motion knows no scale: its lengths are in units of its own. */
export type LengthUnit = 'm' | 'scene units';

/** What a training run needs: frames and the points that start it. */
export interface Scene {
  readonly name: string;
  /** Of all lengths; default metres. */
  readonly lengthUnit?: LengthUnit;
  readonly frames: readonly Frame[];
  readonly points: PointCloud;
  /** Names of `frames`. */
  readonly train: readonly string[];
  readonly test: readonly string[];
}

/** Gradients in the layout of the cloud. */
export type CloudGradients = Omit<GaussianCloud, 'count' | 'shDegree'>;

export type ParameterKind = keyof CloudGradients;

export const PARAMETER_KINDS: readonly ParameterKind[] = ['means', 'quats', 'logScales', 'opacityLogits', 'sh'];
