/** Rigid transforms as 3×4 row-major matrices (rotation and translation). */
import { quaternionFromRotation, rotationFromQuaternion } from '../camera.ts';

/** [3, 4] row-major */
export type Rigid = Float64Array;

export function rigidFromQuaternion(wxyz: readonly number[], translation: readonly number[]): Rigid {
  const R = rotationFromQuaternion(wxyz);
  return Float64Array.of(
    R[0],
    R[1],
    R[2],
    translation[0],
    R[3],
    R[4],
    R[5],
    translation[1],
    R[6],
    R[7],
    R[8],
    translation[2],
  );
}

/** a ∘ b: first b, then a. */
export function composeRigid(a: Rigid, b: Rigid): Rigid {
  const out = new Float64Array(12);
  for (let r = 0; r < 3; r++) {
    for (let c = 0; c < 4; c++) {
      out[4 * r + c] =
        a[4 * r] * b[c] + a[4 * r + 1] * b[4 + c] + a[4 * r + 2] * b[8 + c] + (c === 3 ? a[4 * r + 3] : 0);
    }
  }
  return out;
}

export function invertRigid(a: Rigid): Rigid {
  const t = [0, 1, 2].map((r) => -(a[r] * a[3] + a[4 + r] * a[7] + a[8 + r] * a[11]));
  return Float64Array.of(a[0], a[4], a[8], t[0], a[1], a[5], a[9], t[1], a[2], a[6], a[10], t[2]);
}

/** Pose of cameraFromWorld as frames take it. @param worldFromCamera  camera axes x right, y down, z forward */
export function poseOf(worldFromCamera: Rigid): {
  readonly rotationWxyz: readonly number[];
  readonly translation: readonly number[];
} {
  const m = invertRigid(worldFromCamera);
  return {
    rotationWxyz: quaternionFromRotation([m[0], m[1], m[2], m[4], m[5], m[6], m[8], m[9], m[10]]),
    translation: [m[3], m[7], m[11]],
  };
}

/** Rotation matrix of an axis-angle vector, as a transform without translation. */
export function rigidFromAxisAngle([x, y, z]: readonly number[], translation: readonly number[]): Rigid {
  const angle = Math.hypot(x, y, z);
  const s = angle < 1e-12 ? 0.5 : Math.sin(angle / 2) / angle;
  return rigidFromQuaternion([Math.cos(angle / 2), s * x, s * y, s * z], translation);
}
