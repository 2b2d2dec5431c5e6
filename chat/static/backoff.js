const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

/** Milliseconds to wait before attempt number `attempt` (from 0): at random between half of the step and all of it,
 *  so that everyone who lost the same server does not come back in the same instant. */
export function delayBefore(attempt, random = Math.random) {
  const step = Math.min(FIRST_MS * 2 ** attempt, LONGEST_MS);
  return step * (0.5 + random() / 2);
}
