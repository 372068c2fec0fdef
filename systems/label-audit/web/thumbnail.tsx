/** The picture of a sample: its part of a sheet, which the browser decodes when it comes into view. */
import type { ListedIssue } from './pictures.ts';

export function Thumbnail({ issue, size }: { readonly issue: ListedIssue; readonly size: number }) {
  // Runs of earlier versions carry each picture in its issue.
  const picture = issue.picture ?? (issue.thumbnail ? { url: issue.thumbnail, columns: 1, slot: 0 } : undefined);
  if (picture === undefined) return null;
  const { url, columns, slot } = picture;
  return (
    <span
      className="audit-thumbnail"
      role="img"
      aria-label={`Sample ${issue.id}, labelled ${issue.given}`}
      style={{
        width: size,
        height: size,
        backgroundImage: `url("${url}")`,
        backgroundSize: columns * size,
        backgroundPosition: `${-(slot % columns) * size}px ${-Math.floor(slot / columns) * size}px`,
      }}
    />
  );
}
