/** Starts an audit of the user's own data: a table, or labels with probabilities or embeddings, or a folder of images. */
import { Button, SelectField, showToast, Stack, TextField, type RoomPageProps } from '@tenfold/ui';
import { useState } from 'react';

type Kind = 'table' | 'arrays' | 'folder';

const KINDS: readonly { readonly value: Kind; readonly label: string }[] = [
  { value: 'table', label: 'A table' },
  { value: 'arrays', label: 'Labels and probabilities' },
  { value: 'folder', label: 'A folder of images' },
];

export function AuditForm({
  page,
  onStart,
  isBusy,
}: {
  readonly page: RoomPageProps;
  readonly onStart: (params: Readonly<Record<string, unknown>>) => void;
  readonly isBusy: boolean;
}) {
  const [kind, setKind] = useState<Kind>('table');
  const [data, setData] = useState('');
  const [label, setLabel] = useState('label');
  const [text, setText] = useState('');
  const [probs, setProbs] = useState('');
  const [features, setFeatures] = useState('');
  const [folder, setFolder] = useState('');
  const params: Readonly<Record<Kind, Readonly<Record<string, unknown>> | undefined>> = {
    table: data === '' ? undefined : { data, label, text },
    arrays: data === '' || (probs === '' && features === '') ? undefined : { data, probs, features, label },
    folder: folder === '' ? undefined : { data: folder },
  };
  const ready = params[kind];
  return (
    <Stack gap={3}>
      <SelectField
        label="What you have"
        value={kind}
        options={KINDS}
        onChange={(next) => {
          setKind(next);
          setData('');
        }}
      />
      {kind === 'table' && (
        <>
          <Upload
            page={page}
            label="Table (CSV, Parquet, JSON Lines)"
            accept=".csv,.tsv,.parquet,.jsonl"
            onFile={setData}
          />
          <TextField label="Column with the labels" value={label} onChange={setLabel} />
          <TextField label="Column with texts" help="Empty: the numeric columns" value={text} onChange={setText} />
        </>
      )}
      {kind === 'arrays' && (
        <>
          <Upload page={page} label="Labels (.npy, or a table)" accept=".npy,.csv,.parquet,.jsonl" onFile={setData} />
          <Upload page={page} label="Probabilities [N, K] (.npy)" accept=".npy" onFile={setProbs} />
          <Upload page={page} label="or embeddings [N, d] (.npy)" accept=".npy" onFile={setFeatures} />
        </>
      )}
      {kind === 'folder' && (
        <TextField
          label="Path on this machine"
          help="Sub-folders are the labels: photos/cat/1.jpg"
          value={folder}
          onChange={setFolder}
          mono
        />
      )}
      <Button
        variant="primary"
        icon="play"
        busy={isBusy}
        disabled={ready === undefined}
        onClick={() => ready && onStart(ready)}
      >
        Audit
      </Button>
    </Stack>
  );
}

function Upload({
  page,
  label,
  accept,
  onFile,
}: {
  readonly page: RoomPageProps;
  readonly label: string;
  readonly accept: string;
  readonly onFile: (path: string) => void;
}) {
  const upload = (file: File | undefined) => {
    onFile('');
    if (!file) return;
    page.api.uploadFile(file).then(
      (uploaded) => onFile(uploaded.path),
      (cause: unknown) => showToast({ tone: 'bad', text: `The file was not taken: ${String(cause)}` }),
    );
  };
  return (
    <label className="audit-upload">
      <span className="tf-field-label">{label}</span>
      <input type="file" accept={accept} onChange={(event) => upload(event.target.files?.[0])} />
    </label>
  );
}
