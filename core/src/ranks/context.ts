/** The context that a rank program receives. */
import { createCollectives } from './collectives.ts';
import { createControl, RANK, RANK_STATE } from './control.ts';
import { createExchangePort } from './exchange.ts';
import { createOpenCalls } from './handles.ts';
import type { Links } from './links.ts';
import { coordsOfRank, ranksOfGroup, type Mesh } from './mesh.ts';
import { ranksError } from './ranks-errors.ts';
import type { Group, RankContext, RankSpan } from './types.ts';

/** What a launch gives each rank. */
export interface RankSetup {
  readonly rank: number;
  readonly mesh: Mesh;
  readonly control: SharedArrayBuffer;
  readonly heaps: readonly SharedArrayBuffer[];
  readonly links?: Links;
  /** process.hrtime.bigint() at the launch: one monotonic clock for all threads. */
  readonly originNs: bigint;
  readonly isTraced: boolean;
}

export interface OwnedContext {
  readonly context: RankContext;
  readonly spans: readonly RankSpan[];
  /** Calls issued and neither waited for nor abandoned. */
  openCallNames(): string[];
}

const NS_PER_MS = 1e6;

export function createRankContext(setup: RankSetup, post: (value: unknown) => void): OwnedContext {
  const { rank, mesh, heaps, links, originNs, isTraced } = setup;
  const { numRanks } = mesh;
  const control = createControl(numRanks, setup.control);
  Atomics.store(control.words, control.rank(rank) + RANK.state, RANK_STATE.running);
  const spans: RankSpan[] = [];
  const nowMs = (): number => Number(process.hrtime.bigint() - originNs) / NS_PER_MS;
  const addSpan = (span: RankSpan): void => void (isTraced && spans.push(span));
  const port = createExchangePort({ control, heaps, rank, links, nowMs });
  const openCalls = createOpenCalls(rank, nowMs, addSpan);
  const knownGroups = new Map<string, Group>();

  const groupOfRanks = (ranks: readonly number[], name = `ranks ${ranks.join(', ')}`): Group => {
    const position = ranks.indexOf(rank);
    const isValid = ranks.every((each, i) => each >= 0 && each < numRanks && ranks.indexOf(each) === i);
    if (!isValid || position < 0) {
      throw ranksError('TF-RANKS-001', {
        subject: 'group',
        expected: `distinct ranks in 0..${numRanks - 1} with rank ${rank} among them`,
        actual: `[${ranks.join(', ')}]`,
      });
    }
    return { name, ranks: [...ranks], position, size: ranks.length };
  };
  const group = (axes?: string | readonly string[]): Group => {
    const names = axes === undefined ? undefined : typeof axes === 'string' ? [axes] : axes;
    const key = names?.join('-') ?? '';
    let found = knownGroups.get(key);
    if (!found) {
      const ranks = names ? ranksOfGroup(mesh, rank, names) : Array.from({ length: numRanks }, (_, each) => each);
      knownGroups.set(key, (found = groupOfRanks(ranks, key || 'world')));
    }
    return found;
  };
  const isGroup = (value: unknown): value is Group => typeof value === 'object' && value !== null && 'ranks' in value;

  const context: RankContext = {
    rank,
    numRanks,
    mesh,
    coords: coordsOfRank(mesh, rank),
    group,
    groupOfRanks,
    ...createCollectives({
      control,
      port,
      openCalls,
      rank,
      numRanks,
      groupOf: (value) => (isGroup(value) ? value : group(value)),
    }),
    nowMs,
    span(name, action, category = 'compute') {
      const startMs = nowMs();
      const value = action();
      const note = (): void => addSpan({ lane: `rank ${rank}`, name, startMs, endMs: nowMs(), category });
      if (value instanceof Promise) return value.finally(note) as typeof value;
      note();
      return value;
    },
    addSpan: ({ lane = `rank ${rank}`, ...span }) => addSpan({ lane, ...span }),
    post,
  };
  return { context, spans, openCallNames: () => openCalls.names() };
}
