/** collector: the Python file that records traces, written where the user wants it, with the lines to add. */
import { readFileSync } from 'node:fs';
import { writeOutputFiles, type VerbContext, type VerbResult } from '@tenfold/core/system';

interface CollectorParams {
  readonly output: string;
  readonly preset: 'plain' | 'megatron' | 'wrapped';
  readonly dryRun: boolean;
  readonly force: boolean;
}

const LINES: Readonly<Record<CollectorParams['preset'], readonly string[]>> = {
  plain: [
    'import tenfold_trace as trace',
    'trace.start("trace-candidate", role="candidate", mesh={"tp": tp, "dp": dp}, precision="bfloat16", loss_factor=1 / num_micro)',
    'trace.watch(model, annotate=placements)  # name, kind -> (global shape, {"tp": "S(0)"})',
    'trace.step(iteration); trace.micro_batch(m)  # in the loop',
    'trace.main_grads(model)  # after all reductions, before optimizer.step()',
    'trace.params_after(model)  # after optimizer.step()',
    'trace.finish()',
  ],
  megatron: [
    'import tenfold_trace as trace',
    'trace.start("trace-candidate", role="candidate", mesh={"tp": tp, "cp": cp, "dp": dp, "pp": pp}, precision="bfloat16", loss_factor=1 / num_micro)',
    'trace.watch(model, preset="megatron", layer_offset=offset, sizes={"hidden": h, "ffn": f, "vocab": v, "sequence": s, "batch": b})',
    'trace.step(iteration); trace.micro_batch(m)',
    'trace.main_grads(model)',
    'trace.params_after(model)',
    'trace.finish()',
  ],
  wrapped: [
    'import tenfold_trace as trace',
    'trace.start("trace-candidate", role="candidate", mesh={"dp": dp}, precision="float32", loss_factor=1 / num_micro)',
    'trace.watch(ddp_or_fsdp_model, preset="wrapped")  # wrapper names are stripped',
    'trace.step(iteration); trace.micro_batch(m)',
    'trace.main_grads(ddp_or_fsdp_model)',
    'trace.params_after(ddp_or_fsdp_model)',
    'trace.finish()',
  ],
};

export async function run(
  { output, preset, dryRun, force }: CollectorParams,
  context: VerbContext,
): Promise<VerbResult> {
  const bytes = readFileSync(new URL('../../collector/tenfold_trace.py', import.meta.url), 'utf8');
  const [written] = writeOutputFiles([{ path: output, bytes }], { subject: 'collector', context, dryRun, force });
  return {
    ok: true,
    value: { path: written.path, lines: LINES[preset] },
    report: {
      title: 'Collector',
      verdict: {
        tone: 'good',
        text: `${dryRun ? 'Would write' : 'Wrote'} ${output}: one file, needs torch 1.13 or later.`,
      },
      blocks: [
        { kind: 'code', language: 'python', caption: 'Lines to add to the script', text: LINES[preset].join('\n') },
      ],
    },
  };
}
