/** What a check returns. No problems means it passed. */
export interface CheckResult {
  readonly name: string;
  /** One line each: which file, what is wrong, which file to edit. */
  readonly problems: readonly string[];
  /** What was looked at, so that "nothing found" cannot mean "nothing read". */
  readonly summary: string;
}
