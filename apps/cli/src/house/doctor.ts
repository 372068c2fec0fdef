/** `tenfold doctor`: what works on this machine, and how to get the rest. */
import type { Tone } from '@tenfold/core/report';
import type { VerbContext, VerbResult } from '@tenfold/core/system';
import type { Host } from './host.ts';
import { CHECKS, type Finding } from './doctor-checks.ts';

const TONE_OF_STATE: Readonly<Record<Finding['state'], Tone>> = { works: 'good', missing: 'warn', broken: 'bad' };

export function createDoctor({ terminal }: Host) {
  return async (_params: unknown, context: VerbContext): Promise<VerbResult> => {
    const findings: (Finding & { readonly name: string; readonly isRequired: boolean })[] = [];
    for (const [done, { name, isRequired, check }] of CHECKS.entries()) {
      context.progress({ phase: `looking at ${name}`, done, total: CHECKS.length });
      findings.push({ name, isRequired, ...(await checkSafely(check, terminal)) });
    }
    const numMissing = findings.filter((finding) => finding.state !== 'works').length;
    const isFit = findings.every((finding) => finding.state === 'works' || !finding.isRequired);
    const text = isFit
      ? `Everything that is required works${numMissing === 0 ? '.' : `; ${numMissing} optional ${numMissing === 1 ? 'thing is' : 'things are'} missing.`}`
      : 'Something required does not work; see how to get it.';
    return {
      ok: isFit,
      value: findings,
      report: {
        title: 'Doctor',
        verdict: { tone: isFit ? 'good' : 'bad', text },
        blocks: [
          {
            kind: 'table',
            toneKey: 'tone',
            columns: [
              { key: 'name', label: 'what' },
              { key: 'state', label: 'state' },
              { key: 'detail', label: 'found' },
            ],
            rows: findings.map(({ name, isRequired, state, detail }) => ({
              tone: TONE_OF_STATE[state],
              name,
              state: isRequired ? state : `${state} (optional)`,
              detail,
            })),
          },
          ...findings
            .filter((finding) => finding.fix !== undefined)
            .map((finding) => ({
              kind: 'callout' as const,
              tone: finding.state === 'works' ? ('info' as const) : TONE_OF_STATE[finding.state],
              title: finding.name,
              text: finding.fix!,
            })),
        ],
      },
    };
  };
}

/** A check that throws has found something broken. */
async function checkSafely(check: (typeof CHECKS)[number]['check'], terminal: Host['terminal']): Promise<Finding> {
  try {
    return await check(terminal);
  } catch (cause) {
    return { state: 'broken', detail: (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]! };
  }
}
