/** Weights of the ranking. */
export const RANK_WEIGHTS = {
  evidence: 2,
  fit: 1.2,
  moreSupport: 0.02,
  gap: 0.35,
  sameYear: 1.5,
  overlap: 1,
  source: { kb: 0.15, table: 0.1, info: 0.1, text: 0 },
  verdict: { certain: 0.3, possible: 0, undated: -1, impossible: -0.5 },
} as const;
