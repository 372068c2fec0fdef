/** Making cameras: from a quaternion pose, looking at a point, or from yaw on a vehicle. */
import type { PinholeCamera } from './types.ts';

export type Intrinsics = Pick<PinholeCamera, 'widthPx' | 'heightPx' | 'fx' | 'fy' | 'cx' | 'cy'>;
type Vector = readonly [number, number, number];

/** [3, 3] row-major rotation of a quaternion (w, x, y, z), which is normalised. */
export function rotationFromQuaternion(wxyz: readonly number[]): Float64Array {
  const norm = Math.hypot(...wxyz);
  const [w, x, y, z] = wxyz.map((value) => value / norm);
  return Float64Array.of(
    1 - 2 * (y * y + z * z),
    2 * (x * y - w * z),
    2 * (x * z + w * y),
    2 * (x * y + w * z),
    1 - 2 * (x * x + z * z),
    2 * (y * z - w * x),
    2 * (x * z - w * y),
    2 * (y * z + w * x),
    1 - 2 * (x * x + y * y),
  );
}

/** Unit quaternion (w, x, y, z), w ≥ 0, of a rotation; the largest component is taken from the diagonal. */
export function quaternionFromRotation(R: ArrayLike<number>): readonly [number, number, number, number] {
  const squares = [
    1 + R[0] + R[4] + R[8],
    1 + R[0] - R[4] - R[8],
    1 - R[0] + R[4] - R[8],
    1 - R[0] - R[4] + R[8],
  ] as const;
  const rows = [
    [squares[0], R[7] - R[5], R[2] - R[6], R[3] - R[1]],
    [R[7] - R[5], squares[1], R[1] + R[3], R[2] + R[6]],
    [R[2] - R[6], R[1] + R[3], squares[2], R[5] + R[7]],
    [R[3] - R[1], R[2] + R[6], R[5] + R[7], squares[3]],
  ] as const;
  const row = rows[squares.indexOf(Math.max(...squares))]!;
  const scale = (row[0] < 0 ? -1 : 1) / Math.hypot(...row);
  return [row[0] * scale, row[1] * scale, row[2] * scale, row[3] * scale];
}

/** Camera at `center` with camera axes given as rows in the world: x right, y down, z forward. */
export function cameraFromAxes(
  intrinsics: Intrinsics,
  center: Vector,
  axes: readonly [Vector, Vector, Vector],
): PinholeCamera {
  const rotation = Float64Array.from(axes.flat());
  const translation = Float64Array.from(
    axes.map((axis) => -(axis[0] * center[0] + axis[1] * center[1] + axis[2] * center[2])),
  );
  return { ...intrinsics, rotation, translation };
}

/** Level camera in a world whose z points up. @param yawRad  counter-clockwise from +x */
export function levelCamera(intrinsics: Intrinsics, center: Vector, yawRad: number): PinholeCamera {
  const [cos, sin] = [Math.cos(yawRad), Math.sin(yawRad)];
  return cameraFromAxes(intrinsics, center, [
    [sin, -cos, 0],
    [0, 0, -1],
    [cos, sin, 0],
  ]);
}

/** World point that the centre of a pixel shows. @param pixel  y · width + x @param depthM  along z */
export function worldFromPixel(camera: PinholeCamera, pixel: number, depthM: number): [number, number, number] {
  const { rotation: R, translation: t, fx, fy, cx, cy, widthPx } = camera;
  const x = (((pixel % widthPx) + 0.5 - cx) / fx) * depthM - t[0];
  const y = ((Math.floor(pixel / widthPx) + 0.5 - cy) / fy) * depthM - t[1];
  const z = depthM - t[2];
  return [R[0] * x + R[3] * y + R[6] * z, R[1] * x + R[4] * y + R[7] * z, R[2] * x + R[5] * y + R[8] * z];
}

/** Camera of a quaternion (w, x, y, z) and translation of cameraFromWorld. */
export function cameraFromQuaternion(
  intrinsics: Intrinsics,
  wxyz: readonly number[],
  translation: readonly number[],
): PinholeCamera {
  return { ...intrinsics, rotation: rotationFromQuaternion(wxyz), translation: Float64Array.from(translation) };
}

/** The same camera for another image size. */
export function scaledIntrinsics(
  { widthPx, heightPx, fx, fy, cx, cy }: Intrinsics,
  newWidthPx: number,
  newHeightPx: number,
): Intrinsics {
  const [sx, sy] = [newWidthPx / widthPx, newHeightPx / heightPx];
  return { widthPx: newWidthPx, heightPx: newHeightPx, fx: fx * sx, fy: fy * sy, cx: cx * sx, cy: cy * sy };
}
