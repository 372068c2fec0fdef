/** Target pictures round by round: picture, prediction, accepted labels, doubt, truth. */
import { EmptyState, Loading, Panel, Row, Slider, Stack, Checkbox, type RoomPageProps } from '@tenfold/ui';
import { useEffect, useState } from 'react';
import { PICTURES_FILE } from '../src/outputs/segment-json.ts';
import type { PictureJson, SegmentJson } from '../src/outputs/segment-json.ts';

export function Pictures({
  page,
  runId,
  result,
}: {
  readonly page: RoomPageProps;
  readonly runId: string;
  readonly result: SegmentJson;
}) {
  const [pictures, setPictures] = useState<readonly PictureJson[] | 'absent' | undefined>();
  const last = result.methods[0].rounds.length - 1;
  const [place, setPlace] = useState(result.methods[0].keptRound);
  const [isOverlaid, setOverlaid] = useState(false);
  const url = page.api.artifactUrl(runId, PICTURES_FILE);
  useEffect(() => {
    const controller = new AbortController();
    const load = async (): Promise<readonly PictureJson[] | 'absent'> => {
      const response = await fetch(url, { signal: controller.signal });
      return response.ok ? ((await response.json()) as readonly PictureJson[]) : 'absent';
    };
    load().then(setPictures, () => {
      if (!controller.signal.aborted) setPictures('absent');
    });
    return () => controller.abort();
  }, [url]);
  if (pictures === undefined) return <Loading label="Loading pictures" />;
  if (pictures === 'absent') return <EmptyState title="No pictures">This run kept none; start it again.</EmptyState>;
  const round = Math.min(place, last);
  const report = result.methods[0].rounds[round];
  const iou = report.truthMeanIou === undefined ? '' : `, mean IoU ${(100 * report.truthMeanIou).toFixed(1)} %`;
  return (
    <Panel title={`${result.targetName}, round ${round}${iou}`}>
      <Stack>
        <Row>
          <Slider label={`Round ${round}`} min={0} max={last} value={round} onChange={setPlace} />
          <Checkbox label="Lay the doubt over the picture" checked={isOverlaid} onChange={setOverlaid} />
        </Row>
        <div className="st-pictures">
          {pictures.map(({ id, image, truth, rounds }) => {
            const { prediction, accepted, doubt } = rounds[Math.min(round, rounds.length - 1)];
            return (
              <div key={id} className="st-picture-row">
                <figure>
                  <span className="st-stack">
                    <img src={image} alt={`Picture ${id}`} />
                    {isOverlaid && <img src={doubt} alt="" className="st-overlay" />}
                  </span>
                  <figcaption>{id}</figcaption>
                </figure>
                <Mask source={prediction} caption="prediction" id={id} />
                <Mask source={accepted} caption="trained on next" id={id} />
                <Mask source={doubt} caption="doubt" id={id} />
                {truth && <Mask source={truth} caption="truth" id={id} />}
              </div>
            );
          })}
        </div>
        <ul className="st-legend">
          {result.classNames.map((name, c) => (
            <li key={name}>
              <span style={{ background: `rgb(${result.palette[c].join(' ')})` }} /> {name}
            </li>
          ))}
          <li>
            <span className="st-unused" /> not used, or void
          </li>
        </ul>
      </Stack>
    </Panel>
  );
}

function Mask({ source, caption, id }: { readonly source: string; readonly caption: string; readonly id: string }) {
  return (
    <figure>
      <img src={source} alt={`${caption} of ${id}`} loading="lazy" />
      <figcaption>{caption}</figcaption>
    </figure>
  );
}
