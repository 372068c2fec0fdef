/** Commands of the house itself, as words for the first help text; what they do loads when they are called. */

export const HOUSE_COMMANDS = [
  ['start', 'open the studio, run the tours in it and print the verdicts'],
  ['tour', 'run the one-minute demonstration of every built room, or of one'],
  ['studio', 'open the studio in the browser'],
  ['worker', 'take runs from the queue of a shared store and run them here'],
  ['doctor', 'say what works on this machine and how to get the rest'],
  ['runs', 'list the runs that were kept'],
  ['runs show', 'show the report of a run again'],
  ['runs export', 'write the report of a run as HTML, Markdown, text, JSON or Chrome trace'],
  ['runs rerun', 'run a kept run once more with the same params and seed'],
  ['runs delete', 'delete a kept run and its artifacts'],
  ['schema', 'print the JSON schema of the params of a verb'],
  ['new-room', 'start a new room from the skeleton'],
] as const satisfies readonly (readonly [name: string, summary: string])[];

/** The lab is a room of the core's own demonstrations (see lab.ts). */
export const LAB_COMMAND = ['lab', 'run a demonstration of the shared core'] as const;

export type HouseCommand = (typeof HOUSE_COMMANDS)[number][0];
