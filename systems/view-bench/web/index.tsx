/** The room's page: how far from the drive the splats can be trusted, the splats live, the views, the report. */
import {
  BlockView,
  Button,
  FigureRow,
  Panel,
  ReportView,
  RunPicker,
  RunResult,
  SampleRunButton,
  Stack,
  Tabs,
  TextField,
  useAddressState,
  useNewestVerb,
  useVerbRun,
  WithControls,
  type RoomPageProps,
  type RunDetail,
} from '@tenfold/ui';
import type { PlotBlock } from '@tenfold/core/report';
import type { Level } from '../src/types.ts';
import { CameraMap } from './camera-map.tsx';
import { Flight } from './flight.tsx';
import { Gallery } from './gallery.tsx';
import './page.css';
import { Radar } from './radar.tsx';
import { LEVELS, type ExperimentValue } from './results.ts';

type View = 'trust' | 'fly' | 'views' | 'report';

const VIEWS: readonly { readonly id: View; readonly label: string }[] = [
  { id: 'trust', label: 'How far' },
  { id: 'fly', label: 'Fly' },
  { id: 'views', label: 'Views' },
  { id: 'report', label: 'Report' },
];

const VERBS = ['tour', 'train'] as const;

export default function Page(page: RoomPageProps) {
  const [verb, setVerb] = useAddressState('verb', useNewestVerb(page, VERBS));
  const [view, setView] = useAddressState<View>('view', 'trust');
  const [level, setLevel] = useAddressState<Level>('level', 'level3');
  const [scene, setScene] = useAddressState<string>('scene', '');
  const run = useVerbRun<ExperimentValue>(page, verb);
  return (
    <WithControls
      controls={
        <Stack>
          <div className="view-sources" role="group" aria-label="Which scene">
            <Button variant={verb === 'tour' ? 'secondary' : 'quiet'} onClick={() => setVerb('tour')}>
              Synthetic street
            </Button>
            <Button variant={verb === 'train' ? 'secondary' : 'quiet'} onClick={() => setVerb('train')}>
              Your photographs
            </Button>
          </div>
          {verb === 'tour' ? (
            <SampleRunButton run={run} params={{}}>
              Train a small street
            </SampleRunButton>
          ) : (
            <>
              <TextField
                label="Scene folder"
                value={scene}
                onChange={setScene}
                help="COLMAP, EUVS, transforms.json, OpenSfM, KITTI, nuScenes or nuPlan."
              />
              <Button
                variant="primary"
                disabled={scene === '' || run.isActive}
                onClick={() => void run.start({ scene, maxWidth: 256 })}
              >
                Train
              </Button>
            </>
          )}
          <RunPicker page={page} verb={verb} run={run} label="Earlier runs" />
          {view === 'views' && (
            <div className="view-levels" role="group" aria-label="Level">
              {LEVELS.map((entry) => (
                <Button
                  key={entry.level}
                  variant={entry.level === level ? 'secondary' : 'quiet'}
                  onClick={() => setLevel(entry.level)}
                >
                  {entry.title}
                </Button>
              ))}
            </div>
          )}
        </Stack>
      }
    >
      <RunResult
        page={page}
        run={run}
        empty={
          verb === 'tour' ? (
            <>
              Press “Train a small street”: a street is photographed, splats are trained, and every metre from the drive
              gets its quality.
            </>
          ) : (
            <>Name a folder with photographs and a COLMAP model, then press “Train”.</>
          )
        }
      >
        {(detail) => (
          <Tabs tabs={VIEWS} selected={view} onSelect={setView} label="Part of the result">
            <Content page={page} detail={detail} view={view} level={level} />
          </Tabs>
        )}
      </RunResult>
    </WithControls>
  );
}

function Content({
  page,
  detail,
  view,
  level,
}: {
  readonly page: RoomPageProps;
  readonly detail: RunDetail<ExperimentValue>;
  readonly view: View;
  readonly level: Level;
}) {
  const value = detail.result!;
  const context = { artifactUrl: (name: string) => page.api.artifactUrl(detail.id, name) };
  if (view === 'fly') return <Flight api={page.api} run={detail} />;
  if (view === 'views') return <Gallery api={page.api} runId={detail.id} value={value} level={level} />;
  if (view === 'report') return <ReportView report={detail.report!} context={context} />;
  const curve = detail.report!.blocks.find(
    (block): block is PlotBlock => block.kind === 'plot' && block.x.label.startsWith('distance'),
  );
  return (
    <Stack>
      {value.trust && (
        <div className="view-answer">
          <strong>
            {value.trust.isLowerBound ? '≥ ' : ''}
            {value.trust.radiusM.toFixed(1)} {value.lengthUnit ?? 'm'}
          </strong>
          <p>
            from the recorded path a rendered view is still within {value.trust.toleranceDb} dB of views between the
            training cameras.
          </p>
        </div>
      )}
      <FigureRow
        figures={value.levels.map((row) => ({
          label: LEVELS.find((entry) => entry.level === row.level)!.title,
          value: row.psnr,
          unit: 'dB',
          format: 'number' as const,
          digits: 1,
        }))}
      />
      <Panel title="Where the cameras stood">
        <CameraMap value={value} />
      </Panel>
      <div className="view-pair">
        {curve && (
          <Panel title="Quality against distance">
            <BlockView block={withoutCaption(curve)} />
          </Panel>
        )}
        <Panel title="What is left of the training quality">
          <Radar levels={value.levels} />
        </Panel>
      </div>
    </Stack>
  );
}

/** The panel's title says it already. */
function withoutCaption({ caption: _, ...block }: PlotBlock): PlotBlock {
  return block;
}
