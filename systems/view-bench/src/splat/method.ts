/** What a cloud is drawn as. */

/** `3dgs`: ellipsoids; `2dgs`: disks of the first two axes; `pgsr`: ellipsoids that are pressed to planes while they train. */
export const SPLAT_METHODS = ['3dgs', '2dgs', 'pgsr'] as const;

export type SplatMethod = (typeof SPLAT_METHODS)[number];
