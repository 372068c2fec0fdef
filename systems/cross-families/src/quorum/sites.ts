/** Chooses k sites for a threshold system so that the clients' mean time to a quorum is least, with proof.
 *
 *  A client's read ends when its r-th nearest site has answered, a write with the w-th nearest, r + w = k + 1.
 *  Branch and bound over site sets in index order: whatever the remaining sites are, a client cannot beat its chosen
 *  sites joined by its own best remaining candidates; the sum of those times over clients bounds every completion. */
import { yieldToEventLoop } from '@tenfold/core/base';
import { familiesError } from '../families-errors.ts';

export interface SiteProblem {
  /** ms[client][site] ≥ 0. */
  readonly ms: readonly Float64Array[];
  /** Candidate sites by index. */
  readonly candidates: readonly number[];
  readonly numSites: number;
  readonly readQuorum: number;
  readonly writeQuorum: number;
  readonly readFraction: number;
  /** One weight a client; they are normalised. Default equal. */
  readonly clientWeights?: readonly number[];
}

export interface SitePlan {
  /** Ascending site indices. */
  readonly sites: readonly number[];
  readonly meanMs: number;
  /** Proved lower bound; equals meanMs when the search ended. */
  readonly boundMs: number;
  readonly isProved: boolean;
  readonly numNodes: number;
}

export interface SiteOptions {
  readonly clock: { nowMs(): number };
  readonly budgetMs?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (done: number, total: number, bestMs: number) => void;
}

const DEFAULT_BUDGET_MS = 120_000;
const NODES_BETWEEN_CHECKS = 4096;
const RELATIVE_SLACK = 1e-12;
const MS_BETWEEN_YIELDS = 50;
/** Starts of the exchange search that gives branch and bound its first value. */
const NUM_STARTS = 16;

/** @throws TF-FAMILIES-011 if sizes do not fit */
export async function chooseSites(problem: SiteProblem, options: SiteOptions): Promise<SitePlan> {
  const { ms, candidates, numSites, readQuorum, writeQuorum, readFraction } = problem;
  if (numSites < 1 || numSites > candidates.length || Math.max(readQuorum, writeQuorum) > numSites)
    throw familiesError('TF-FAMILIES-011', {
      subject: 'chooseSites',
      expected: `1..${candidates.length} sites and quorums no larger`,
      actual: `${numSites} sites, read ${readQuorum}, write ${writeQuorum}`,
    });
  const numClients = ms.length;
  const raw = problem.clientWeights ?? ms.map(() => 1);
  const sum = raw.reduce((a, b) => a + b, 0);
  const weight = Float64Array.from(raw, (w) => w / sum);
  const evaluate = (sites: readonly number[]): number => {
    let total = 0;
    for (let c = 0; c < numClients; c++) {
      const times = sites.map((s) => ms[c]![s]!).sort((a, b) => a - b);
      total += weight[c]! * (readFraction * times[readQuorum - 1]! + (1 - readFraction) * times[writeQuorum - 1]!);
    }
    return total;
  };
  let best = localSearch(candidates, numSites, evaluate);
  // Central sites first, so that good sets come early and late branches die at once.
  const order = [...candidates].sort((a, b) => columnMean(ms, weight, a) - columnMean(ms, weight, b));
  const column = order.map((s) => Float64Array.from({ length: numClients }, (_, c) => ms[c]![s]!));
  const nearest = suffixNearest(column, numClients, numSites);
  const deadline = options.clock.nowMs() + (options.budgetMs ?? DEFAULT_BUDGET_MS);
  // top[depth] holds each client's sorted times to the chosen sites. [client, numSites]
  const top = Array.from({ length: numSites + 1 }, () => new Float64Array(numClients * numSites));
  const chosen: number[] = [];
  let numNodes = 0;
  let isOver = false;
  let boundMs = Infinity;
  const merged = new Float64Array(2 * numSites);

  const insert = (depth: number, position: number): void => {
    const from = top[depth]!;
    const to = top[depth + 1]!;
    const times = column[position]!;
    for (let c = 0; c < numClients; c++) {
      const base = c * numSites;
      const time = times[c]!;
      let p = depth;
      while (p > 0 && from[base + p - 1]! > time) {
        to[base + p] = from[base + p - 1]!;
        p--;
      }
      to[base + p] = time;
      for (let q = 0; q < p; q++) to[base + q] = from[base + q]!;
    }
  };
  const valueAt = (depth: number): number => {
    const times = top[depth]!;
    let total = 0;
    for (let c = 0; c < numClients; c++) {
      const base = c * numSites;
      total +=
        weight[c]! *
        (readFraction * times[base + readQuorum - 1]! + (1 - readFraction) * times[base + writeQuorum - 1]!);
    }
    return total;
  };
  /** Least possible value with `depth` sites chosen and the rest from position `next` on. */
  const boundAt = (depth: number, next: number): number => {
    const times = top[depth]!;
    const best = nearest[next]!;
    const left = numSites - depth;
    let total = 0;
    for (let c = 0; c < numClients; c++) {
      let a = c * numSites;
      let b = c * numSites;
      const endA = a + depth;
      const endB = b + left;
      for (let p = 0; p < numSites; p++)
        merged[p] = b >= endB || (a < endA && times[a]! <= best[b]!) ? times[a++]! : best[b++]!;
      total += weight[c]! * (readFraction * merged[readQuorum - 1]! + (1 - readFraction) * merged[writeQuorum - 1]!);
    }
    return total;
  };
  /** Tries every last site: its time only moves the q-th smallest between its two neighbours among the chosen ones. */
  const lastSite = (depth: number, next: number): void => {
    const times = top[depth]!;
    const clamp = (base: number, quorum: number, time: number): number => {
      const low = quorum > 1 ? times[base + quorum - 2]! : -Infinity;
      const high = quorum - 1 < depth ? times[base + quorum - 1]! : Infinity;
      return time < low ? low : time > high ? high : time;
    };
    for (let position = next; position < order.length; position++) {
      const own = column[position]!;
      let total = 0;
      for (let c = 0; c < numClients && total < best.value; c++) {
        const base = c * numSites;
        total +=
          weight[c]! *
          (readFraction * clamp(base, readQuorum, own[c]!) + (1 - readFraction) * clamp(base, writeQuorum, own[c]!));
      }
      if (total >= best.value * (1 - RELATIVE_SLACK)) continue;
      chosen[depth] = order[position]!;
      best = { sites: [...chosen], value: total };
    }
  };
  const visit = (depth: number, next: number): void => {
    if (isOver) return;
    if (++numNodes % NODES_BETWEEN_CHECKS === 0 && (options.signal?.aborted || options.clock.nowMs() > deadline)) {
      isOver = true;
      return;
    }
    const left = numSites - depth;
    if (left === 1) {
      if (next < order.length && boundAt(depth, next) < best.value * (1 - RELATIVE_SLACK)) lastSite(depth, next);
      return;
    }
    for (let position = next; position <= order.length - left; position++) {
      if (boundAt(depth, position) >= best.value * (1 - RELATIVE_SLACK)) return; // later positions are bounded by the same
      insert(depth, position);
      chosen[depth] = order[position]!;
      visit(depth + 1, position + 1);
      if (isOver) return;
    }
  };

  const lastStart = order.length - numSites;
  let lastYieldMs = options.clock.nowMs();
  const breathe = async (): Promise<void> => {
    if (options.clock.nowMs() - lastYieldMs < MS_BETWEEN_YIELDS) return;
    await yieldToEventLoop();
    lastYieldMs = options.clock.nowMs();
  };
  for (let start = 0; start <= lastStart; start++) {
    if (boundAt(0, start) >= best.value * (1 - RELATIVE_SLACK)) break;
    options.onProgress?.(start, lastStart + 1, best.value);
    insert(0, start);
    chosen[0] = order[start]!;
    if (numSites === 1) {
      const value = valueAt(1);
      if (value < best.value) best = { sites: [...chosen], value };
    }
    // The second site is looped over here, so that cancel requests and progress get through.
    const lastSecond = numSites > 1 ? lastStart + 1 : -1;
    for (let second = start + 1; second <= lastSecond; second++) {
      await breathe();
      if (options.signal?.aborted) isOver = true;
      if (isOver || boundAt(1, second) >= best.value * (1 - RELATIVE_SLACK)) break;
      insert(1, second);
      chosen[1] = order[second]!;
      if (numSites === 2) {
        const value = valueAt(2);
        if (value < best.value * (1 - RELATIVE_SLACK)) best = { sites: [...chosen], value };
      } else visit(2, second + 1);
    }
    if (isOver) {
      // Everything that starts at this position or later is bounded by this.
      boundMs = boundAt(0, start);
      break;
    }
  }
  return {
    sites: [...best.sites].sort((a, b) => a - b),
    meanMs: best.value,
    boundMs: isOver ? Math.min(boundMs, best.value) : best.value,
    isProved: !isOver,
    numNodes,
  };
}

/** nearest[start]: per client its numSites smallest times to the candidates from position start on. */
function suffixNearest(column: readonly Float64Array[], numClients: number, numSites: number): Float64Array[] {
  const nearest: Float64Array[] = [];
  let after = new Float64Array(numClients * numSites).fill(Infinity);
  nearest[column.length] = after;
  for (let start = column.length - 1; start >= 0; start--) {
    const here = after.slice();
    for (let c = 0; c < numClients; c++) {
      const base = c * numSites;
      const time = column[start]![c]!;
      let p = numSites - 1;
      if (here[base + p]! <= time) continue;
      while (p > 0 && here[base + p - 1]! > time) {
        here[base + p] = here[base + p - 1]!;
        p--;
      }
      here[base + p] = time;
    }
    nearest[start] = here;
    after = here;
  }
  return nearest;
}

function columnMean(ms: readonly Float64Array[], weight: Float64Array, site: number): number {
  return ms.reduce((sum, row, c) => sum + weight[c]! * row[site]!, 0);
}

/** Single exchanges until none helps, from several starts spread over the candidates; the best end wins. */
function localSearch(
  candidates: readonly number[],
  numSites: number,
  evaluate: (sites: readonly number[]) => number,
): { sites: number[]; value: number } {
  let best = { sites: candidates.slice(0, numSites), value: Infinity };
  const stride = Math.max(1, Math.ceil((candidates.length - numSites + 1) / NUM_STARTS));
  for (let first = 0; first + numSites <= candidates.length; first += stride) {
    let sites = candidates.slice(first, first + numSites);
    let value = evaluate(sites);
    for (let isImproved = true; isImproved;) {
      isImproved = false;
      for (let p = 0; p < numSites; p++)
        for (const site of candidates) {
          if (sites.includes(site)) continue;
          const trial = sites.map((s, q) => (q === p ? site : s));
          const trialValue = evaluate(trial);
          if (trialValue >= value) continue;
          sites = trial;
          value = trialValue;
          isImproved = true;
        }
    }
    if (value < best.value) best = { sites, value };
  }
  return best;
}
