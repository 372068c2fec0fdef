/** A path param: type the path of a file on the studio's machine, or upload one. */
import { Button, diagnosticFromError, diagnosticText, Field, type FieldProps, type StudioApi } from '@tenfold/ui';
import { formatBytes } from '@tenfold/core/base';
import { useRef, useState } from 'react';

export function FileParam({
  kind,
  value,
  onChange,
  api,
  ...field
}: FieldProps & {
  readonly kind: 'file' | 'folder' | 'output';
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly api: StudioApi;
}) {
  const input = useRef<HTMLInputElement>(null);
  const [note, setNote] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const upload = async (file: File | undefined) => {
    if (!file) return;
    setBusy(true);
    setProblem(undefined);
    try {
      const stored = await api.uploadFile(file);
      onChange(stored.path);
      setNote(`${stored.name}, ${formatBytes(stored.byteLength)}, uploaded`);
    } catch (error) {
      setProblem(diagnosticText(diagnosticFromError(error, 'upload')));
    }
    setBusy(false);
  };
  const help = note ?? field.help ?? (kind === 'folder' ? 'Path of a folder on this machine.' : undefined);
  return (
    <Field {...field} help={help} error={problem ?? field.error}>
      {(ids) => (
        <div
          className="file-param"
          onDragOver={(event) => event.preventDefault()}
          onDrop={(event) => {
            event.preventDefault();
            if (kind === 'file') void upload(event.dataTransfer.files[0]);
          }}
        >
          <input
            {...ids}
            className="tf-input is-mono"
            placeholder={kind === 'file' ? 'path, or drop a file here' : 'path'}
            value={value}
            onChange={(event) => {
              onChange(event.target.value);
              setNote(undefined);
            }}
          />
          {kind === 'file' && (
            <>
              <Button icon="upload" busy={busy} onClick={() => input.current?.click()}>
                Upload
              </Button>
              <input
                ref={input}
                type="file"
                hidden
                aria-label={`Upload a file for ${field.label}`}
                onChange={(event) => void upload(event.target.files?.[0])}
              />
            </>
          )}
        </div>
      )}
    </Field>
  );
}
