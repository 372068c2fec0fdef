/** Layouts of scene folders that are read. */
export const SCENE_KINDS = ['colmap', 'transforms', 'opensfm', 'kitti', 'nuscenes', 'nuplan', 'argoverse'] as const;
export type SceneKind = (typeof SCENE_KINDS)[number];
