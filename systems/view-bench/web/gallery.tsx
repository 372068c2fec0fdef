/** Picture strips of a level: truth, render, error, oracle. */
import { EmptyState, Panel, type StudioApi } from '@tenfold/ui';
import type { Level } from '../src/types.ts';
import { LEVELS, type ExperimentValue } from './results.ts';

export function Gallery({
  api,
  runId,
  value,
  level,
}: {
  readonly api: StudioApi;
  readonly runId: string;
  readonly value: ExperimentValue;
  readonly level: Level;
}) {
  const strips = value.strips.filter((strip) => strip.level === level);
  const row = value.levels.find((candidate) => candidate.level === level);
  const title = LEVELS.find((candidate) => candidate.level === level)?.title ?? level;
  const unseenShare = row?.unseenShare ?? undefined;
  const hasOracle = unseenShare !== undefined;
  if (strips.length === 0) {
    return (
      <EmptyState title="No view of this level">This scene has no test views here. Choose another level.</EmptyState>
    );
  }
  return (
    <Panel title={title}>
      <div className="view-strip-heads" aria-hidden="true">
        <span>Photograph</span>
        <span>Render</span>
        <span>Error</span>
        {hasOracle && <span>Never seen (red)</span>}
      </div>
      {strips.map(({ name, psnr, artifact }) => (
        <figure key={name} className="view-strip">
          <img src={api.artifactUrl(runId, artifact)} alt={`Photograph, render and error of ${name}`} loading="lazy" />
          <figcaption>
            <span>{name}</span>
            <strong>{psnr.toFixed(1)} dB</strong>
          </figcaption>
        </figure>
      ))}
      {hasOracle && (
        <p className="view-note">
          Red pixels show surfaces that no training view shows ({(100 * unseenShare).toFixed(1)} % here), blue is sky,
          violet moves.
        </p>
      )}
    </Panel>
  );
}
