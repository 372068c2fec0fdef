/** Rules that every scene keeps before anything is trained on it. */
import { assertCamera } from './splat/render.ts';
import type { Scene } from './types.ts';
import { viewError } from './view-errors.ts';

/** @throws TF-VIEW-002 for splits that are empty, overlap or name frames that are not there; TF-VIEW-001 for unusable cameras;
 *  TF-VIEW-003 for images and masks of another size than their camera */
export function assertScene(scene: Scene): void {
  const fail = (expected: string, actual: string) => {
    throw viewError('TF-VIEW-002', { subject: 'assertScene', expected, actual, location: scene.name });
  };
  const frameOf = new Map(scene.frames.map((frame) => [frame.name, frame]));
  if (scene.train.length === 0) fail('at least one training frame', 'none');
  if (scene.points.positions.length === 0) fail('points that start the cloud', 'none');
  const train = new Set(scene.train);
  for (const name of scene.test)
    if (train.has(name)) fail('train and test without a common frame', `"${name}" in both`);
  for (const name of [...scene.train, ...scene.test]) {
    const frame = frameOf.get(name);
    if (!frame) {
      fail('a posed frame for every name of the splits', `no frame "${name}"`);
      continue;
    }
    assertCamera(frame.camera, 'assertScene', name);
    const { widthPx, heightPx } = frame.camera;
    const numPixels = widthPx * heightPx;
    const sizes = {
      image: frame.image.data.length / 3,
      'dynamic mask': frame.staticMask?.length,
      'sky mask': frame.groundMask?.length,
      depth: frame.depthM?.length,
    };
    for (const [part, size] of Object.entries(sizes)) {
      if (size === undefined || size === numPixels) continue;
      throw viewError('TF-VIEW-003', {
        subject: 'assertScene',
        expected: `${part} of ${widthPx} × ${heightPx} pixels`,
        actual: part === 'image' ? `${frame.image.widthPx} × ${frame.image.heightPx}` : `${size} pixels`,
        location: name,
      });
    }
  }
}
