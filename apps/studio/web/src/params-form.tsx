/** A form for any verb, made from the JSON schema of its params. */
import {
  Button,
  Checkbox,
  DiagnosticView,
  SelectField,
  TextArea,
  TextField,
  diagnosticFromError,
  type ParamSchema,
  type StudioApi,
  type VerbDescription,
} from '@tenfold/ui';
import type { Diagnostic } from '@tenfold/core/base';
import { useState, type FormEvent } from 'react';
import { FileParam } from './file-param.tsx';
import { controlOf, draftFromParams, labelOf, paramsFromDraft, type Draft } from './params-draft.ts';

export function ParamsForm({
  verb,
  api,
  initialParams = {},
  initialSeed = 0,
  onStart,
}: {
  readonly verb: VerbDescription;
  readonly api: StudioApi;
  readonly initialParams?: Readonly<Record<string, unknown>>;
  readonly initialSeed?: number;
  readonly onStart: (params: Record<string, unknown>, seed: number) => Promise<void>;
}) {
  const [draft, setDraft] = useState<Draft>(() => draftFromParams(verb.params, initialParams));
  const [seed, setSeed] = useState(String(initialSeed));
  const [errors, setErrors] = useState<Readonly<Record<string, string>>>({});
  const [failure, setFailure] = useState<Diagnostic>();
  const [busy, setBusy] = useState(false);
  const set = (name: string, value: string | boolean) => setDraft((current) => ({ ...current, [name]: value }));
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const read = paramsFromDraft(verb.params, draft);
    const seedError: Readonly<Record<string, string>> = /^\d+$/.test(seed.trim())
      ? {}
      : { seed: 'Write a whole number, 0 or more.' };
    setErrors({ ...read.errors, ...seedError });
    setFailure(undefined);
    if (Object.keys(read.errors).length > 0 || 'seed' in seedError) return;
    setBusy(true);
    try {
      await onStart(read.params, Number(seed));
    } catch (error) {
      setFailure(diagnosticFromError(error, verb.name));
    }
    setBusy(false);
  };
  const properties = Object.entries(verb.params.properties ?? {});
  const required = new Set(verb.params.required ?? []);
  return (
    <form className="params-form" onSubmit={(event) => void submit(event)} noValidate>
      {verb.examples.length > 0 && (
        <div className="examples">
          <p className="tf-field-label">Start from an example</p>
          {verb.examples.map((line, index) => {
            const params = verb.exampleParams[index];
            return params ? (
              <button
                key={line}
                type="button"
                onClick={() => {
                  setDraft(draftFromParams(verb.params, params));
                  setErrors({});
                }}
              >
                <code>{line}</code>
              </button>
            ) : (
              <code key={line}>{line}</code>
            );
          })}
        </div>
      )}
      <div className="params-grid">
        {properties.map(([name, schema]) => (
          <ParamControl
            key={name}
            name={name}
            schema={schema}
            required={required.has(name)}
            value={draft[name] ?? ''}
            error={errors[name]}
            api={api}
            onChange={(value) => set(name, value)}
          />
        ))}
        <TextField
          label="Seed"
          help="The same seed gives the same random numbers."
          inputMode="numeric"
          value={seed}
          error={errors['seed']}
          onChange={setSeed}
        />
      </div>
      {failure && <DiagnosticView diagnostic={failure} />}
      <div className="tf-row">
        <Button type="submit" variant="primary" icon="play" busy={busy}>
          Run {verb.name}
        </Button>
        <Button variant="quiet" onClick={() => setDraft(draftFromParams(verb.params, {}))}>
          Reset to defaults
        </Button>
      </div>
    </form>
  );
}

function ParamControl({
  name,
  schema,
  required,
  value,
  error,
  api,
  onChange,
}: {
  readonly name: string;
  readonly schema: ParamSchema;
  readonly required: boolean;
  readonly value: string | boolean;
  readonly error: string | undefined;
  readonly api: StudioApi;
  readonly onChange: (value: string | boolean) => void;
}) {
  const control = controlOf(schema);
  const shared = { label: labelOf(name), help: schema.description, error, required };
  const text = String(value);
  const placeholder = schema.default === undefined ? undefined : `default ${JSON.stringify(schema.default)}`;
  switch (control.kind) {
    case 'boolean':
      return <Checkbox label={shared.label} help={shared.help} checked={value === true} onChange={onChange} />;
    case 'choice':
      return (
        <SelectField
          {...shared}
          value={text}
          onChange={onChange}
          options={[
            ...(required || schema.default !== undefined ? [] : [{ value: '', label: 'not set' }]),
            ...control.choices.map((choice) => ({ value: choice, label: choice })),
          ]}
        />
      );
    case 'path':
      return <FileParam {...shared} kind={control.pathKind} value={text} onChange={onChange} api={api} />;
    case 'json':
      return <TextArea {...shared} value={text} onChange={onChange} placeholder={placeholder ?? '{ }'} />;
    default:
      return (
        <TextField
          {...shared}
          mono={control.kind === 'list'}
          inputMode={control.kind === 'number' ? 'decimal' : undefined}
          placeholder={placeholder ?? (control.kind === 'list' ? 'a,b,c' : undefined)}
          value={text}
          onChange={onChange}
        />
      );
  }
}
