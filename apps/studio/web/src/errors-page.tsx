/** All errors with what to do about them; the search stands in the address. */
import { EmptyState, TextField, useAddressState } from '@tenfold/ui';
import { useEffect } from 'react';
import { ERROR_LIST } from './error-list.ts';

export function ErrorsPage() {
  useEffect(() => void (document.title = 'Errors · Tenfold'), []);
  const [text, setText] = useAddressState<string>('q', '');
  const wanted = text.trim().toLowerCase();
  const found = ERROR_LIST.filter((error) => Object.values(error).join(' ').toLowerCase().includes(wanted));
  return (
    <div className="page tf-stack">
      <header className="page-head">
        <h1>Errors</h1>
      </header>
      <div className="run-filters" role="search">
        <TextField label="Search" type="search" placeholder="code or words" value={text} onChange={setText} />
      </div>
      {found.length === 0 ? (
        <EmptyState title="No error matches">Codes look like TF-STORE-004; words of the message do too.</EmptyState>
      ) : (
        <ul className="error-list" aria-label={`${found.length} errors`}>
          {found.map(({ code, title, fix, kind }) => (
            <li key={code}>
              <code>{code}</code>
              <div>
                <b>{title}</b>
                <p>{fix}</p>
              </div>
              <span className="tf-caption">{kind}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
