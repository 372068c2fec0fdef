/** Progress on stderr: nothing in the first second, then one line that is rewritten on a terminal,
 *  or one line a phase where it cannot be. */
import { formatDuration, formatSignificant } from '@tenfold/core/base';
import type { RunProgress } from '@tenfold/core/store';
import type { Terminal } from './terminal.ts';

const QUIET_MS = 1000;
const REDRAW_MS = 100;
/** A rate from less time than this is a guess. */
const RATE_FROM_MS = 500;
const CLEAR_LINE = '\r\u001B[2K';

export interface ProgressLine {
  update(progress: RunProgress): void;
  /** Clears the line and stops; call once. */
  end(): void;
}

/** @param clock  monotonic milliseconds */
export function createProgressLine(terminal: Terminal, clock: { nowMs(): number }): ProgressLine {
  const startMs = clock.nowMs();
  let latest: RunProgress | undefined;
  let phaseStartMs = startMs;
  let phaseDone = 0;
  let drawnMs = -Infinity;
  let printedPhase: string | undefined;
  let isDrawn = false;
  const draw = (): void => {
    const nowMs = clock.nowMs();
    if (latest === undefined || nowMs - startMs < QUIET_MS) return;
    if (!terminal.isInteractive) {
      if (latest.phase === printedPhase) return;
      printedPhase = latest.phase;
      terminal.err(`${progressText(latest, nowMs - phaseStartMs, phaseDone)}\n`);
    } else if (nowMs - drawnMs >= REDRAW_MS) {
      drawnMs = nowMs;
      isDrawn = true;
      terminal.err(CLEAR_LINE + progressText(latest, nowMs - phaseStartMs, phaseDone).slice(0, terminal.width - 1));
    }
  };
  const timer = setTimeout(draw, QUIET_MS + 1);
  timer.unref();
  return {
    update(progress) {
      if (progress.phase !== latest?.phase) {
        phaseStartMs = clock.nowMs();
        phaseDone = progress.done ?? 0;
      }
      latest = progress;
      draw();
    },
    end() {
      clearTimeout(timer);
      if (isDrawn) terminal.err(CLEAR_LINE);
    },
  };
}

/** `training 120/400 · 12.1/s · 23 s left · note`; no rate in the first half second of a phase.
 *  @param phaseMs  time since its first update @param phaseDone  what was done by then */
export function progressText({ phase, done, total, note }: RunProgress, phaseMs: number, phaseDone = 0): string {
  const parts = [phase];
  if (done !== undefined) parts[0] += total === undefined ? ` ${done}` : ` ${done}/${total}`;
  if (done !== undefined && done > phaseDone && phaseMs >= RATE_FROM_MS) {
    const perSecond = ((done - phaseDone) / phaseMs) * 1000;
    parts.push(`${formatSignificant(perSecond, 3)}/s`);
    if (total !== undefined && total > done) parts.push(`${formatDuration(((total - done) / perSecond) * 1000)} left`);
  }
  if (note !== undefined) parts.push(note);
  return parts.join(' · ');
}
