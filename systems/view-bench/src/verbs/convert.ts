/** convert: a cloud from one file format to another. */
import { createMemorySink } from '@tenfold/core/data';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { readCloudPly, writeCloudPly } from '../io/cloud-ply.ts';
import { writePackedPly } from '../io/packed-ply.ts';
import { decodeSplatFile, encodeSplatFile } from '../io/splat-file.ts';
import { decodeSpz, encodeSpz } from '../io/spz.ts';
import type { GaussianCloud } from '../types.ts';
import { viewError } from '../view-errors.ts';

interface ConvertParams {
  readonly input: string;
  readonly output: string;
  readonly force: boolean;
  readonly dryRun: boolean;
}

type Format = '.ply' | '.compressed.ply' | '.splat' | '.spz';

const READ: Readonly<Record<Format, (path: string) => Promise<GaussianCloud>>> = {
  '.ply': async (path) => (await readCloudPly(path)).cloud,
  '.compressed.ply': async (path) => (await readCloudPly(path)).cloud,
  '.splat': async (path) => decodeSplatFile(await readFile(path), path),
  '.spz': async (path) => decodeSpz(await readFile(path), path),
};
const WRITE: Readonly<Record<Format, (cloud: GaussianCloud) => Promise<Uint8Array> | Uint8Array>> = {
  '.ply': async (cloud) => {
    const sink = createMemorySink('cloud.ply');
    await writeCloudPly(sink, cloud);
    return sink.bytes();
  },
  '.compressed.ply': async (cloud) => {
    const sink = createMemorySink('cloud.compressed.ply');
    await writePackedPly(sink, cloud);
    return sink.bytes();
  },
  '.splat': encodeSplatFile,
  '.spz': encodeSpz,
};

export async function run({ input, output, force, dryRun }: ConvertParams, context: VerbContext): Promise<VerbResult> {
  const source = resolve(context.workingFolder, input);
  const target = resolve(context.workingFolder, output);
  const cloud = await READ[formatOf(input)](source);
  const bytes = await WRITE[formatOf(output)](cloud);
  if (existsSync(target) && !force && !dryRun) {
    throw viewError('TF-VIEW-010', {
      subject: 'convert',
      expected: 'a new file',
      actual: 'one that is there',
      location: target,
      hints: ['Add --force to overwrite it.'],
    });
  }
  if (!dryRun) await writeFile(target, bytes);
  return {
    ok: true,
    value: { numGaussians: cloud.count, shDegree: cloud.shDegree, numBytes: bytes.length },
    report: {
      title: 'Cloud converted',
      verdict: {
        tone: 'good',
        text: `${cloud.count} Gaussians of degree ${cloud.shDegree} in ${bytes.length} bytes${dryRun ? ' (not written)' : ''}.`,
      },
      blocks: [
        {
          kind: 'figures',
          figures: [
            { label: 'Gaussians', value: cloud.count, format: 'count' },
            { label: 'size', value: bytes.length, format: 'bytes' },
          ],
        },
      ],
    },
  };
}

function formatOf(path: string): Format {
  if (path.toLowerCase().endsWith('.compressed.ply')) return '.compressed.ply';
  const end = extname(path).toLowerCase();
  if (end === '.ply' || end === '.splat' || end === '.spz') return end;
  throw viewError('TF-VIEW-010', {
    subject: 'convert',
    expected: 'a file ending in .ply, .compressed.ply, .splat or .spz',
    actual: `"${path}"`,
  });
}
