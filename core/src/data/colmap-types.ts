/** The nouns of a COLMAP model: cameras, posed images, points. Source: COLMAP documentation, "Output Format". */

export interface ColmapCameraModel {
  readonly id: number;
  readonly paramNames: readonly string[];
}

/** Every camera model with its number in binary files and its parameters in order. Lengths in pixels; k, p, sx, omega unitless. */
export const COLMAP_CAMERA_MODELS = {
  SIMPLE_PINHOLE: { id: 0, paramNames: ['f', 'cx', 'cy'] },
  PINHOLE: { id: 1, paramNames: ['fx', 'fy', 'cx', 'cy'] },
  SIMPLE_RADIAL: { id: 2, paramNames: ['f', 'cx', 'cy', 'k'] },
  RADIAL: { id: 3, paramNames: ['f', 'cx', 'cy', 'k1', 'k2'] },
  OPENCV: { id: 4, paramNames: ['fx', 'fy', 'cx', 'cy', 'k1', 'k2', 'p1', 'p2'] },
  OPENCV_FISHEYE: { id: 5, paramNames: ['fx', 'fy', 'cx', 'cy', 'k1', 'k2', 'k3', 'k4'] },
  FULL_OPENCV: {
    id: 6,
    paramNames: ['fx', 'fy', 'cx', 'cy', 'k1', 'k2', 'p1', 'p2', 'k3', 'k4', 'k5', 'k6'],
  },
  FOV: { id: 7, paramNames: ['fx', 'fy', 'cx', 'cy', 'omega'] },
  SIMPLE_RADIAL_FISHEYE: { id: 8, paramNames: ['f', 'cx', 'cy', 'k'] },
  RADIAL_FISHEYE: { id: 9, paramNames: ['f', 'cx', 'cy', 'k1', 'k2'] },
  THIN_PRISM_FISHEYE: {
    id: 10,
    paramNames: ['fx', 'fy', 'cx', 'cy', 'k1', 'k2', 'p1', 'p2', 'k3', 'k4', 'sx1', 'sy1'],
  },
  RAD_TAN_THIN_PRISM_FISHEYE: {
    id: 11,
    paramNames: ['fx', 'fy', 'cx', 'cy', 'k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'p0', 'p1', 's0', 's1', 's2', 's3'],
  },
} as const satisfies Readonly<Record<string, ColmapCameraModel>>;

export type ColmapModelName = keyof typeof COLMAP_CAMERA_MODELS;

export interface ColmapCamera {
  readonly id: number;
  readonly model: ColmapModelName;
  readonly widthPx: number;
  readonly heightPx: number;
  /** In the order of COLMAP_CAMERA_MODELS[model].paramNames. */
  readonly params: Float64Array;
}

export interface ColmapImage {
  readonly id: number;
  readonly name: string;
  readonly cameraId: number;
  /** Unit quaternion (w, x, y, z) of cameraFromWorld. */
  readonly rotationWxyz: readonly [w: number, x: number, y: number, z: number];
  /** Translation of cameraFromWorld: x_camera = R x_world + t. */
  readonly translation: readonly [x: number, y: number, z: number];
  /** [N, 2] keypoints, pixels; the upper left pixel's centre is (0.5, 0.5). */
  readonly points2D: Float64Array;
  /** [N] id of the 3D point each keypoint sees, -1 for none. */
  readonly point3DIds: Float64Array;
}

export interface ColmapPoints {
  /** [P] */
  readonly ids: Float64Array;
  /** [P, 3] world coordinates */
  readonly positions: Float64Array;
  /** [P, 3] sRGB, 0..255 */
  readonly colors: Uint8Array;
  /** [P] mean reprojection error, pixels; -1 if not computed */
  readonly errorsPx: Float64Array;
  /** [P + 1] the track of point p is entries [trackOffsets[p], trackOffsets[p + 1]) of the next two arrays */
  readonly trackOffsets: Uint32Array;
  readonly trackImageIds: Uint32Array;
  readonly trackPoint2DIndices: Uint32Array;
}

export interface ColmapModel {
  readonly cameras: readonly ColmapCamera[];
  readonly images: readonly ColmapImage[];
  readonly points: ColmapPoints;
}
