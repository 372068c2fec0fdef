/** The trained splats live: a camera that leaves the path by a slider, beside what the curve expects of it. */
import { Badge, Callout, Panel, Slider, useAddressNumber, type RunDetail, type StudioApi } from '@tenfold/ui';
import { useEffect, useMemo, useRef, useState } from 'react';
import { cameraFromAxes } from '../src/camera.ts';
import { decodeSplatFile } from '../src/io/splat-file.ts';
import type { GaussianCloud, PinholeCamera } from '../src/types.ts';
import { createView, type View } from './live-view.ts';
import { expectedPsnr, type ExperimentValue } from './results.ts';

const ASIDE_M = 10;
/** Without metres: so many times the farthest test view's distance. */
const ASIDE_RADII = 2;
const WIDTH_PX = 640;
const HEIGHT_PX = 400;
const FOCAL_SHARE = 0.8;
/** The trust radius speaks of views that look along the path; beyond this turn the turned levels answer. */
const TURNED_DEG = 25;
const ASIDE_FROM = 0.1;

export function Flight({ api, run }: { readonly api: StudioApi; readonly run: RunDetail<ExperimentValue> }) {
  const value = run.result!;
  const train = useMemo(() => value.cameras.filter(({ level }) => level === 'train'), [value]);
  const [index, setIndex] = useAddressNumber('from', 0);
  const [aside, setAside] = useAddressNumber('aside', 0);
  const [turn, setTurn] = useAddressNumber('turn', 0);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [view, setView] = useState<View>();
  const [problem, setProblem] = useState<string>();
  const [cloud, setCloud] = useState<GaussianCloud>();
  const base = train[Math.min(train.length - 1, Math.max(0, index))]!;

  useEffect(() => {
    const abort = new AbortController();
    fetch(api.artifactUrl(run.id, 'cloud.splat'), { signal: abort.signal })
      .then(async (response) => {
        if (!response.ok) throw new Error(`The cloud of this run is not there (${response.status}).`);
        setCloud(decodeSplatFile(new Uint8Array(await response.arrayBuffer())));
      })
      .catch((cause: unknown) => abort.signal.aborted || setProblem(String((cause as Error).message)));
    return () => abort.abort();
  }, [api, run.id]);

  useEffect(() => {
    if (!cloud || !canvas.current) return undefined;
    let isGone = false;
    let made: View | undefined;
    createView(canvas.current, cloud)
      .then((created) => {
        if (isGone) created.close();
        else setView((made = created));
      })
      .catch((cause: unknown) => setProblem(String((cause as Error).message)));
    return () => {
      isGone = true;
      made?.close();
      setView(undefined);
    };
  }, [cloud]);

  useEffect(() => {
    view?.draw(movedCamera(base, aside, (turn * Math.PI) / 180));
  }, [view, base, aside, turn]);

  const distance = Math.abs(aside);
  const { trust, lengthUnit = 'm' } = value;
  const reach = lengthUnit === 'm' ? ASIDE_M : ASIDE_RADII * (trust?.points.at(-1)?.distanceM ?? 1);
  const isTrusted = trust !== null && distance <= trust.radiusM;
  const isTurned = Math.abs(turn) > TURNED_DEG;
  const turned = value.levels.find(({ level }) => level === (distance > reach * ASIDE_FROM ? 'level3' : 'level2'));
  return (
    <Panel title="Leave the path">
      <div className="view-flight">
        <div className="view-stage">
          <canvas ref={canvas} width={WIDTH_PX} height={HEIGHT_PX} aria-label="The splats from the chosen camera" />
          {view && !isTurned && trust && (
            <div className="view-verdict">
              <Badge tone={isTrusted ? 'good' : 'bad'}>{isTrusted ? 'trusted' : 'beyond the trust radius'}</Badge>
              <span>
                {expectedPsnr(trust, distance).toFixed(1)} dB expected at {distance.toFixed(1)} {lengthUnit}
              </span>
            </div>
          )}
          {view && isTurned && turned && (
            <div className="view-verdict">
              <Badge tone="warn">turned</Badge>
              <span>
                {turned.psnr.toFixed(1)} dB was the mean of {turned.level === 'level3' ? 'moved and turned' : 'turned'}{' '}
                views
              </span>
            </div>
          )}
          {!view && problem === undefined && <p className="view-wait">Loading {value.numGaussians} Gaussians…</p>}
        </div>
        <div className="view-sliders">
          <Slider
            label="Moved aside"
            unit={lengthUnit}
            min={-reach}
            max={reach}
            step={reach / 40}
            value={aside}
            onChange={setAside}
            help="Right of the training camera; left is negative."
          />
          <Slider label="Turned" unit="°" min={-90} max={90} step={1} value={turn} onChange={setTurn} />
          <Slider
            label="From training view"
            min={0}
            max={train.length - 1}
            value={Math.min(index, train.length - 1)}
            onChange={setIndex}
          />
          <p className="view-note">
            {base.name}
            {view && ` · drawn by ${view.engine}`}
          </p>
        </div>
      </div>
      {problem !== undefined && <Callout tone="warn" title="The splats cannot be drawn here" text={problem} />}
    </Panel>
  );
}

/** The training camera, moved to its right and turned around the vertical. */
function movedCamera(
  { center, forward, down }: ExperimentValue['cameras'][number],
  asideM: number,
  turnRad: number,
): PinholeCamera {
  const right = cross(down, forward);
  const [cos, sin] = [Math.cos(turnRad), Math.sin(turnRad)];
  const at = (k: number) => center[k]! + asideM * right[k]!;
  const ahead = (k: number) => cos * forward[k]! + sin * right[k]!;
  const beside = (k: number) => cos * right[k]! - sin * forward[k]!;
  const focal = FOCAL_SHARE * WIDTH_PX;
  return cameraFromAxes(
    { widthPx: WIDTH_PX, heightPx: HEIGHT_PX, fx: focal, fy: focal, cx: WIDTH_PX / 2, cy: HEIGHT_PX / 2 },
    [at(0), at(1), at(2)],
    [
      [beside(0), beside(1), beside(2)],
      [down[0]!, down[1]!, down[2]!],
      [ahead(0), ahead(1), ahead(2)],
    ],
  );
}

function cross(a: readonly number[], b: readonly number[]): number[] {
  return [a[1]! * b[2]! - a[2]! * b[1]!, a[2]! * b[0]! - a[0]! * b[2]!, a[0]! * b[1]! - a[1]! * b[0]!];
}
