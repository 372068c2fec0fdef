/** A table that sorts by its headers, filters by text, and draws only the rows in sight. */
import type { Cell, Column, Tone } from '@tenfold/core/report';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef, useState, type ReactNode } from 'react';
import { ToneMark } from '../widgets/badge.tsx';
import { CopyButton } from '../widgets/copy-button.tsx';
import { joinClasses } from '../widgets/join-classes.ts';
import { formatCell } from './format-cell.ts';
import { sortedRowIndices, type SortOrder } from './sort-rows.ts';

const ROW_PX = 34;
const VIRTUAL_FROM_ROWS = 60;
const FILTER_FROM_ROWS = 12;
const VIEW_PX = 460;
const TONES: ReadonlySet<string> = new Set(['good', 'bad', 'warn', 'info', 'neutral']);

export interface DataTableProps {
  readonly columns: readonly Column[];
  readonly rows: readonly Readonly<Record<string, Cell>>[];
  readonly caption?: string;
  /** Key of a column that holds each row's tone. */
  readonly toneKey?: string;
  /** Draws a cell its own way; undefined means the usual text. */
  readonly renderCell?: (row: Readonly<Record<string, Cell>>, column: Column) => ReactNode | undefined;
  readonly onRowClick?: (row: Readonly<Record<string, Cell>>, index: number) => void;
  readonly selectedIndex?: number;
}

export function DataTable(props: DataTableProps) {
  const { columns, rows, caption, toneKey, renderCell, onRowClick, selectedIndex } = props;
  const [order, setOrder] = useState<SortOrder>();
  const [filter, setFilter] = useState('');
  const frame = useRef<HTMLDivElement>(null);
  const indices = useMemo(() => {
    const sorted = sortedRowIndices(rows, order);
    const wanted = filter.trim().toLowerCase();
    if (!wanted) return sorted;
    return sorted.filter((index) =>
      columns.some((column) =>
        String(rows[index]![column.key] ?? '')
          .toLowerCase()
          .includes(wanted),
      ),
    );
  }, [rows, columns, order, filter]);
  const isVirtual = indices.length >= VIRTUAL_FROM_ROWS;
  // oxlint-disable-next-line react/incompatible-library -- its functions are called in this render only
  const virtualizer = useVirtualizer({
    count: isVirtual ? indices.length : 0,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  const items = virtualizer.getVirtualItems();
  const visible = isVirtual ? items.map((item) => indices[item.index]!) : indices;
  const before = isVirtual ? (items[0]?.start ?? 0) : 0;
  const after = isVirtual ? virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0) : 0;
  const numericKeys = useMemo(() => {
    const numeric = (column: Column) =>
      column.format !== 'text' && rows.some((row) => typeof row[column.key] === 'number');
    return new Set(columns.filter(numeric).map((column) => column.key));
  }, [columns, rows]);
  return (
    <div className={joinClasses('tf-table-block', isVirtual && 'is-virtual')}>
      <div className="tf-table-tools">
        <span className="tf-caption">{caption}</span>
        {rows.length >= FILTER_FROM_ROWS && (
          <input
            className="tf-input is-search"
            type="search"
            placeholder={`Filter ${rows.length.toLocaleString('en-US')} rows`}
            aria-label={`Filter ${caption ?? 'the table'}`}
            value={filter}
            onChange={(event) => setFilter(event.target.value)}
          />
        )}
        {rows.length > 0 && (
          <CopyButton size="s" variant="quiet" text={() => tableAsTabs(columns, rows, indices)}>
            Copy
          </CopyButton>
        )}
      </div>
      <div
        className="tf-table-frame"
        ref={frame}
        style={isVirtual ? { height: VIEW_PX } : undefined}
        tabIndex={0}
        role="region"
        aria-label={caption ?? 'Table'}
      >
        <table className="tf-table" aria-rowcount={indices.length + 1}>
          <thead>
            <tr>
              {columns.map((column) => (
                <th
                  key={column.key}
                  scope="col"
                  className={joinClasses(numericKeys.has(column.key) && 'is-number')}
                  aria-sort={order?.key === column.key ? (order.descending ? 'descending' : 'ascending') : undefined}
                >
                  <button type="button" onClick={() => setOrder((current) => nextOrder(current, column.key))}>
                    {column.label}
                    {column.unit && <span className="tf-unit"> {column.unit}</span>}
                    <span className="tf-sort" aria-hidden="true">
                      {order?.key === column.key ? (order.descending ? '↓' : '↑') : ''}
                    </span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {before > 0 && <SpacerRow height={before} columns={columns.length} />}
            {visible.map((index) => {
              const row = rows[index]!;
              const tone = toneKey === undefined ? undefined : toneOf(row[toneKey]);
              return (
                <tr
                  key={index}
                  className={joinClasses(onRowClick && 'is-clickable', selectedIndex === index && 'is-selected')}
                  onClick={onRowClick && (() => onRowClick(row, index))}
                >
                  {columns.map((column, columnIndex) => (
                    <td key={column.key} className={joinClasses(numericKeys.has(column.key) && 'is-number')}>
                      {columnIndex === 0 && tone && <ToneMark tone={tone} />}
                      {renderCell?.(row, column) ?? formatCell(row[column.key], column)}
                    </td>
                  ))}
                </tr>
              );
            })}
            {after > 0 && <SpacerRow height={after} columns={columns.length} />}
            {indices.length === 0 && (
              <tr>
                <td colSpan={columns.length} className="tf-table-empty">
                  {rows.length === 0 ? 'No rows.' : `No row contains “${filter}”. Clear the filter to see all.`}
                </td>
              </tr>
            )}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function SpacerRow({ height, columns }: { readonly height: number; readonly columns: number }) {
  return (
    <tr aria-hidden="true" style={{ height }}>
      <td colSpan={columns} style={{ padding: 0, border: 0 }} />
    </tr>
  );
}

/** Ascending, descending, as given. */
function nextOrder(current: SortOrder | undefined, key: string): SortOrder | undefined {
  if (current?.key !== key) return { key, descending: false };
  return current.descending ? undefined : { key, descending: true };
}

function toneOf(cell: Cell | undefined): Tone | undefined {
  return typeof cell === 'string' && TONES.has(cell) ? (cell as Tone) : undefined;
}

/** Tab-separated text with a header line, as spreadsheets paste it; full precision. */
function tableAsTabs(
  columns: readonly Column[],
  rows: readonly Readonly<Record<string, Cell>>[],
  indices: readonly number[],
): string {
  const header = columns.map((column) => (column.unit ? `${column.label} (${column.unit})` : column.label));
  const body = indices.map((index) => columns.map((column) => String(rows[index]![column.key] ?? '')));
  return [header, ...body].map((cells) => cells.join('\t')).join('\n');
}
