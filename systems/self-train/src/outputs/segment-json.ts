/** What the segmentation verbs return as plain JSON. */
import type { Method, RoundReport } from '../types.ts';

export interface PixelMethodJson {
  readonly method: Method;
  readonly isGuarded: boolean;
  readonly rounds: readonly RoundReport[];
  readonly keptRound: number;
  readonly isStopped: boolean;
  /** Of the kept network, where the truth is known. */
  readonly meanIou?: number;
  readonly pixelAccuracy?: number;
  /** [C], null for classes that are neither in truth nor in prediction. */
  readonly iou?: readonly (number | null)[];
}

/** A target picture; texts are data URLs of PNG files. The artifact PICTURES_FILE is a list of these, of the first method. */
export interface PictureJson {
  readonly id: string;
  readonly image: string;
  readonly truth?: string;
  /** By round: classes, classes that are trained on next (others grey), doubt (white is most). */
  readonly rounds: readonly { readonly prediction: string; readonly accepted: string; readonly doubt: string }[];
}

/** Artifact with the pictures. */
export const PICTURES_FILE = 'pictures.json';

export interface SegmentJson {
  readonly sourceName: string;
  readonly targetName: string;
  readonly classNames: readonly string[];
  readonly palette: readonly (readonly [number, number, number])[];
  readonly widthPx: number;
  readonly heightPx: number;
  readonly numSource: number;
  readonly numTarget: number;
  readonly seed: number;
  /** Held-out source pixels right before the rounds. */
  readonly sourceAccuracy: number;
  readonly methods: readonly PixelMethodJson[];
}
