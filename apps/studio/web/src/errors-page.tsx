/** All errors with what to do about them; the search stands in the address. */
import { DataTable, EmptyState, TextField, useAddressState } from '@tenfold/ui';
import { useEffect } from 'react';
import { ERROR_LIST } from './error-list.ts';

const COLUMNS = [
  { key: 'code', label: 'code' },
  { key: 'title', label: 'what is wrong' },
  { key: 'fix', label: 'what to do' },
  { key: 'kind', label: 'kind' },
] as const;

export function ErrorsPage() {
  useEffect(() => void (document.title = 'Errors · Tenfold'), []);
  const [text, setText] = useAddressState<string>('q', '');
  const wanted = text.trim().toLowerCase();
  const rows = ERROR_LIST.filter((error) => Object.values(error).join(' ').toLowerCase().includes(wanted));
  return (
    <div className="page tf-stack">
      <header className="page-head">
        <h1>Errors</h1>
      </header>
      <div className="run-filters" role="search">
        <TextField label="Search" type="search" placeholder="code or words" value={text} onChange={setText} />
      </div>
      {rows.length === 0 ? (
        <EmptyState title="No error matches">Codes look like TF-STORE-004; words of the message do too.</EmptyState>
      ) : (
        <DataTable columns={COLUMNS} rows={rows.map((error) => ({ ...error }))} />
      )}
    </div>
  );
}
