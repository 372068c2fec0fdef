/** Smallest value of a smooth function of one number. */

const GOLDEN = (3 - Math.sqrt(5)) / 2;
const MAX_STEPS = 60;

/** Steps to the bottom of a parabola through the best three places where that is safe, else by the golden section.
 *  Source: Brent 1973, Algorithms for Minimization without Derivatives, chapter 5. */
export function smallestOf(
  f: (x: number) => number,
  [from, to]: readonly [number, number],
  tolerance: number,
): { readonly place: number; readonly value: number } {
  let [low, high] = [from, to];
  let best = low + GOLDEN * (high - low);
  let [second, third] = [best, best];
  let atBest = f(best);
  let [atSecond, atThird] = [atBest, atBest];
  let [step, stepBefore] = [0, 0];
  for (let i = 0; i < MAX_STEPS; i++) {
    const middle = (low + high) / 2;
    if (Math.abs(best - middle) <= tolerance - (high - low) / 2) break;
    const parabola = parabolaStep(best, second, third, atBest, atSecond, atThird);
    const isSafe = Math.abs(parabola) < Math.abs(stepBefore) / 2 && best + parabola > low && best + parabola < high;
    stepBefore = isSafe ? step : best < middle ? high - best : low - best;
    step = isSafe ? parabola : GOLDEN * stepBefore;
    // Closer than half the tolerance tells nothing new, and the ends need no second look.
    const least = tolerance / 2;
    const isAtEnd = isSafe && (best + step - low < tolerance || high - best - step < tolerance);
    if (isAtEnd) step = Math.sign(middle - best) * least;
    else if (Math.abs(step) < least) step = step < 0 ? -least : least;
    const x = best + step;
    const value = f(x);
    if (value <= atBest) {
      if (x < best) high = best;
      else low = best;
      [third, second, best] = [second, best, x];
      [atThird, atSecond, atBest] = [atSecond, atBest, value];
      continue;
    }
    if (x < best) low = x;
    else high = x;
    if (value <= atSecond || second === best) {
      [third, second] = [second, x];
      [atThird, atSecond] = [atSecond, value];
    } else if (value <= atThird || third === best || third === second) {
      third = x;
      atThird = value;
    }
  }
  return { place: best, value: atBest };
}

/** From the best place to the bottom of the parabola through three; not finite if they lie on a line. */
function parabolaStep(
  best: number,
  second: number,
  third: number,
  atBest: number,
  atSecond: number,
  atThird: number,
): number {
  const r = (best - second) * (atBest - atThird);
  const q = (best - third) * (atBest - atSecond);
  return ((best - second) * r - (best - third) * q) / (2 * (q - r));
}
