/** Report blocks on a page. The table of views is exhaustive: a new kind of block does not compile without its row. */
import type { Block, CalloutBlock, CodeBlock, ImageBlock, Report } from '@tenfold/core/report';
import type { ReactNode } from 'react';
import { SharedCategories } from '../timeline/shared-categories.tsx';
import { TimelineView } from '../timeline/timeline-view.tsx';
import { timelineFromBlock } from '../timeline/timeline-columns.ts';
import { ToneMark } from '../widgets/badge.tsx';
import { CopyButton } from '../widgets/copy-button.tsx';
import { DiagnosticView } from '../widgets/states.tsx';
import { DataTable } from './data-table.tsx';
import { FigureRow } from './figure-row.tsx';
import { InlineMarkdown } from './inline-markdown.tsx';
import { PlotView } from './plot-view.tsx';

export interface BlockContext {
  /** Address of an artifact that an image block names; data URLs are used as they are. */
  readonly artifactUrl?: (name: string) => string;
}

type View<Kind extends Block['kind']> = (block: Extract<Block, { kind: Kind }>, context: BlockContext) => ReactNode;

const BLOCK_VIEWS: { readonly [Kind in Block['kind']]: View<Kind> } = {
  text: (block) =>
    block.text.split(/\n{2,}/).map((paragraph, index) => (
      <p key={index} className="tf-text">
        {block.markdown ? <InlineMarkdown text={paragraph} /> : paragraph}
      </p>
    )),
  heading: (block) => {
    const Heading = (['h2', 'h3', 'h4'] as const)[(block.level ?? 1) - 1]!;
    return <Heading className="tf-heading">{block.text}</Heading>;
  },
  figures: (block) => <FigureRow figures={block.figures} />,
  table: ({ kind: _, ...table }) => <DataTable {...table} />,
  plot: (block) => <PlotView block={block} />,
  timeline: (block) => <TimelineView timeline={timelineFromBlock(block)} caption={block.caption} />,
  image: (block, context) => <ImageView block={block} context={context} />,
  callout: (block) => <Callout {...block} />,
  code: (block) => <CodeView block={block} />,
  diagnostic: (block) => <DiagnosticView diagnostic={block.diagnostic} />,
  group: (block, context) => (
    <section className="tf-group">
      {block.title && <h2 className="tf-group-title">{block.title}</h2>}
      <div className={block.layout === 'grid' ? 'tf-grid is-blocks' : 'tf-stack'}>
        {block.blocks.map((inner, index) => (
          <BlockView key={index} block={inner} context={context} />
        ))}
      </div>
    </section>
  ),
};

export function BlockView({ block, context = {} }: { readonly block: Block; readonly context?: BlockContext }) {
  const view = BLOCK_VIEWS[block.kind] as View<Block['kind']> | undefined;
  return view ? view(block as never, context) : <p className="tf-field-note">Unknown block “{block.kind}”.</p>;
}

/** Verdict first, then the blocks. */
export function ReportView({ report, context }: { readonly report: Report; readonly context?: BlockContext }) {
  return (
    <article className="tf-report tf-stack" aria-label={report.title}>
      <p className={`tf-verdict tone-${report.verdict.tone}`}>
        <ToneMark tone={report.verdict.tone} size={16} />
        <span>{report.verdict.text}</span>
      </p>
      <SharedCategories blocks={report.blocks}>
        {report.blocks.map((block, index) => (
          <BlockView key={index} block={block} {...(context ? { context } : {})} />
        ))}
      </SharedCategories>
    </article>
  );
}

export function Callout({ tone, title, text }: Omit<CalloutBlock, 'kind'>) {
  return (
    <div className={`tf-callout tone-${tone}`}>
      <ToneMark tone={tone} size={14} />
      <div className="tf-callout-body">
        <p className="tf-callout-title">{title}</p>
        {text && (
          <p>
            <InlineMarkdown text={text} />
          </p>
        )}
      </div>
    </div>
  );
}

function ImageView({ block, context }: { readonly block: ImageBlock; readonly context: BlockContext }) {
  const isData = block.source.startsWith('data:image/');
  const source = isData ? block.source : context.artifactUrl?.(block.source);
  return (
    <figure className="tf-image">
      {source === undefined ? (
        <p className="tf-field-note">The image {block.source} is kept with the run.</p>
      ) : (
        <img src={source} alt={block.alt} className={block.pixelated ? 'is-pixelated' : undefined} loading="lazy" />
      )}
      {block.caption && <figcaption className="tf-caption">{block.caption}</figcaption>}
    </figure>
  );
}

export function CodeView({ block }: { readonly block: Omit<CodeBlock, 'kind'> }) {
  return (
    <figure className="tf-code">
      <figcaption>
        <span className="tf-caption">{block.caption ?? (block.language === 'text' ? '' : block.language)}</span>
        <CopyButton size="s" variant="quiet" text={block.text} />
      </figcaption>
      <pre tabIndex={0} aria-label={block.caption ?? 'Code'}>
        <code>{block.text}</code>
      </pre>
    </figure>
  );
}
