/** trace: what is in a trace, and the same requests as Marconi JSONL for other simulators. */
import { formatBytes, formatPercent } from '@tenfold/core/base';
import { writeOutputFiles, type VerbContext, type VerbResult } from '@tenfold/core/system';
import { bytesOf } from '../cost/profile.ts';
import { prefixError } from '../prefix-errors.ts';
import { BoundaryIndex } from '../sim/boundaries.ts';
import { percentile } from '../sim/ttft.ts';
import { marconiLines } from '../trace/token-traces.ts';
import { openNamedTrace, openProfile } from './trace-source.ts';

interface TraceParams {
  readonly trace: string;
  readonly limit?: number;
  readonly model: string;
  readonly out: string;
  readonly force: boolean;
  readonly dryRun: boolean;
}

const RATIOS = [0.5, 0.95, 1] as const;

export async function run(params: TraceParams, context: VerbContext): Promise<VerbResult> {
  const trace = await openNamedTrace(params.trace, params.limit, context);
  const { profile } = await openProfile(params.model, context);
  if (params.out !== '' && trace.symbolTokens !== 1)
    throw prefixError('TF-PREFIX-003', {
      subject: 'trace',
      expected: 'a trace of tokens to convert',
      actual: `hashes of ${trace.symbolTokens}-token blocks`,
      location: trace.name,
    });
  const files =
    params.out === ''
      ? []
      : writeOutputFiles([{ path: params.out, bytes: marconiLines(trace.requests) }], {
          ...params,
          subject: 'trace',
          context,
        });
  const { sharedSymbols } = new BoundaryIndex(trace);
  const inputs = trace.requests.map(({ inputTokens }) => inputTokens);
  const inputTokens = inputs.reduce((sum, value) => sum + value, 0);
  const outputTokens = trace.requests.reduce((sum, request) => sum + request.outputTokens, 0);
  const shared = sharedSymbols.reduce(
    (sum, symbols, index) => sum + Math.min(symbols * trace.symbolTokens, inputs[index]!),
    0,
  );
  const sessions = new Set(trace.requests.map(({ session }) => session)).size;
  const durationSec = trace.requests.at(-1)!.timeSec - trace.requests[0]!.timeSec;
  const lengths = RATIOS.map((ratio) => percentile(inputs, ratio));
  const value = {
    name: trace.name,
    requests: inputs.length,
    sessions,
    durationSec,
    inputTokens,
    outputTokens,
    sharedRate: inputTokens === 0 ? 0 : shared / inputTokens,
    symbolTokens: trace.symbolTokens,
    wholeBytes: bytesOf(profile, inputTokens - shared + outputTokens, 2 * inputs.length),
    files: files.map(({ path }) => path),
  };
  return {
    ok: true,
    value,
    report: {
      title: `Trace ${trace.name}`,
      verdict: {
        tone: 'info',
        text: `${formatPercent(value.sharedRate)} of ${inputTokens.toLocaleString('en')} prompt tokens ${trace.hasLengthsOnly ? 'are taken to ' : ''}repeat an earlier prefix${trace.hasLengthsOnly ? ', which a file of lengths does not say' : ''}; keeping everything would take at most ${formatBytes(value.wholeBytes)} with ${profile.name}.${files.length === 0 ? '' : ` ${files[0]!.isWritten ? 'Written' : 'Would be written'}: ${files[0]!.path}.`}`,
      },
      blocks: [
        {
          kind: 'figures',
          figures: [
            { label: 'requests', value: inputs.length, format: 'count' },
            { label: 'sessions', value: sessions, format: 'count' },
            { label: 'duration', value: durationSec, unit: 's', digits: 0 },
            { label: 'answer tokens', value: outputTokens, format: 'count' },
            { label: 'median prompt', value: lengths[0]!, unit: 'tokens', format: 'count' },
            { label: 'P95 prompt', value: lengths[1]!, unit: 'tokens', format: 'count' },
            { label: 'longest prompt', value: lengths[2]!, unit: 'tokens', format: 'count' },
          ],
        },
      ],
    },
  };
}
