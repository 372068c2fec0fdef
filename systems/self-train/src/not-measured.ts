/** What is said wherever no target label is known, so that agreement is not read as being right. */

export const NOT_MEASURED = 'Whether the labels are right was not measured';
export const WHY_NOT_MEASURED =
  'No target label is known, and EM and network can agree where both are wrong. Label some target samples by hand and name their column with --truth to measure it.';
/** For a confidence that was calibrated on held-out source samples. */
export const CONFIDENCE_OF_SOURCE =
  'The confidence is calibrated on held-out samples of the labelled domain; on another domain it is too high.';
