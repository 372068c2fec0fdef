/** One suspicious label with everything that speaks for or against it. */
import { Badge } from '@tenfold/ui';
import type { Issue } from '../src/issue-list.ts';
import type { ListedIssue } from './pictures.ts';
import { Thumbnail } from './thumbnail.tsx';

const BIG_PX = 168;

export function IssueDetail({ issue }: { readonly issue: ListedIssue }) {
  const best = issue.top[0]!.name;
  return (
    <>
      <div className="audit-head">
        <Thumbnail issue={issue} size={BIG_PX} />
        <div>
          <h2>{best === issue.given ? `Labelled ${issue.given}` : `Labelled ${issue.given}, looks like ${best}`}</h2>
          <p className="audit-id">{issue.id}</p>
          <p className="audit-wrong">
            <strong>{percent(issue.wrongProbability)}</strong> probability that the label is wrong · score{' '}
            {issue.score.toFixed(3)}
          </p>
          <p className="audit-flags">
            {issue.isOutlier && <Badge tone="warn">outlier</Badge>}
            {issue.duplicateSet !== undefined && <Badge tone="info">near-duplicate set {issue.duplicateSet}</Badge>}
            {issue.truth !== undefined && (
              <Badge tone={issue.truth === issue.given ? 'good' : 'bad'}>known truth {issue.truth}</Badge>
            )}
          </p>
        </div>
      </div>
      {issue.preview && <p className="audit-preview">{issue.preview}</p>}
      <ul className="audit-bars" aria-label="Most likely classes">
        {issue.top.map(({ name, probability }) => (
          <Bar key={name} name={name} isGiven={name === issue.given} share={probability} text={percent(probability)} />
        ))}
      </ul>
      {issue.agreement !== undefined && (
        <ul className="audit-bars" aria-label="Nearest neighbours">
          <Bar
            name="neighbours"
            isGiven
            share={issue.agreement}
            text={`${Math.round((issue.numNeighbours ?? 10) * issue.agreement)} of ${issue.numNeighbours ?? 10} also ${issue.given}`}
          />
        </ul>
      )}
      {issue.centres && <CentreBars issue={issue} centres={issue.centres} />}
    </>
  );
}

/** Distances to the two class centres on one scale: the shorter bar is nearer. */
function CentreBars({ issue, centres }: { readonly issue: Issue; readonly centres: NonNullable<Issue['centres']> }) {
  const longest = Math.max(centres.given, centres.toNearest);
  return (
    <ul className="audit-bars" aria-label="Distances to class centres">
      {[
        { name: issue.given, distance: centres.given },
        { name: centres.nearest, distance: centres.toNearest },
      ].map(({ name, distance }) => (
        <Bar
          key={name}
          name={`to centre ${name}`}
          isGiven={name === issue.given}
          share={distance / longest}
          text={distance.toFixed(2)}
        />
      ))}
    </ul>
  );
}

function Bar({
  name,
  share,
  text,
  isGiven,
}: {
  readonly name: string;
  readonly share: number;
  readonly text: string;
  readonly isGiven: boolean;
}) {
  return (
    <li className={isGiven ? 'is-given' : undefined}>
      <span>{name}</span>
      <span className="audit-bar" aria-hidden="true">
        <span style={{ width: `${100 * share}%` }} />
      </span>
      <span>{text}</span>
    </li>
  );
}

export function percent(ratio: number): string {
  // what is not certain does not read as certain
  if (ratio < 1 && ratio > 0.9994) return '> 99.9 %';
  return `${(100 * ratio).toFixed(1)} %`;
}
