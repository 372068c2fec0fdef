/** Files kept with a run: the cloud, picture strips, and the scene as the page draws it. */
import { createMemorySink } from '@tenfold/core/data';
import type { VerbResult } from '@tenfold/core/system';
import type { ExperimentResult } from './bench/experiment.ts';
import { writeCloudPly, type SplatMode } from './io/cloud-ply.ts';
import { encodeSplatFile } from './io/splat-file.ts';
import { stripName } from './report.ts';
import type { GaussianCloud, Scene } from './types.ts';

export async function experimentArtifacts(
  scene: Scene,
  { training, members, strips, cameras }: Pick<ExperimentResult, 'training' | 'members' | 'strips' | 'cameras'>,
  mode: SplatMode = 'default',
): Promise<NonNullable<VerbResult['artifacts']>> {
  const others = await Promise.all(
    members.slice(1).map(async ({ cloud }, index) => ({
      name: `cloud-${index + 2}.ply`,
      mediaType: 'application/octet-stream',
      bytes: await plyBytes(cloud, mode),
    })),
  );
  return [
    { name: 'cloud.ply', mediaType: 'application/octet-stream', bytes: await plyBytes(training.cloud, mode) },
    { name: 'cloud.splat', mediaType: 'application/octet-stream', bytes: encodeSplatFile(training.cloud) },
    {
      name: 'scene.json',
      mediaType: 'application/json',
      bytes: new TextEncoder().encode(JSON.stringify({ name: scene.name, cameras })),
    },
    ...others,
    ...strips.map(({ name, png }) => ({ name: stripName(name), mediaType: 'image/png', bytes: png })),
  ];
}

async function plyBytes(cloud: GaussianCloud, mode: SplatMode): Promise<Uint8Array> {
  const sink = createMemorySink('cloud.ply');
  await writeCloudPly(sink, cloud, { mode });
  return sink.bytes();
}
