/** Labelled form controls. The label, unit, help and error are tied to the control for screen readers. */
import { useId, type CSSProperties, type InputHTMLAttributes, type ReactNode } from 'react';
import { joinClasses } from './join-classes.ts';

export interface FieldProps {
  readonly label: string;
  readonly unit?: string;
  readonly help?: ReactNode;
  readonly error?: string | undefined;
  readonly required?: boolean;
}

/** The frame of a control. @param children  receives the ids to put on the control */
export function Field({
  label,
  unit,
  help,
  error,
  required,
  children,
}: FieldProps & {
  readonly children: (ids: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true }) => ReactNode;
}) {
  const id = useId();
  const noteId = `${id}-note`;
  const hasNote = Boolean(help || error);
  return (
    <div className={joinClasses('tf-field', error !== undefined && 'has-error')}>
      <label className="tf-field-label" htmlFor={id}>
        {label}
        {unit && <span className="tf-unit"> {unit}</span>}
        {required && <span className="tf-required"> required</span>}
      </label>
      {children({ id, ...(hasNote ? { 'aria-describedby': noteId } : {}), ...(error ? { 'aria-invalid': true } : {}) })}
      {hasNote && (
        <div className="tf-field-note" id={noteId}>
          {error ? <span className="tf-field-error">{error}</span> : help}
        </div>
      )}
    </div>
  );
}

export type TextFieldProps = FieldProps &
  Omit<InputHTMLAttributes<HTMLInputElement>, 'onChange' | 'value'> & {
    readonly value: string;
    readonly onChange: (value: string) => void;
    readonly mono?: boolean;
  };

export function TextField({ label, unit, help, error, required, value, onChange, mono, ...rest }: TextFieldProps) {
  return (
    <Field label={label} unit={unit} help={help} error={error} required={required}>
      {(ids) => (
        <input
          {...rest}
          {...ids}
          className={joinClasses('tf-input', mono && 'is-mono')}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

export function TextArea({
  label,
  unit,
  help,
  error,
  required,
  value,
  onChange,
  rows = 4,
  placeholder,
}: FieldProps & {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly rows?: number;
  readonly placeholder?: string;
}) {
  return (
    <Field label={label} unit={unit} help={help} error={error} required={required}>
      {(ids) => (
        <textarea
          {...ids}
          className="tf-input is-mono"
          rows={rows}
          placeholder={placeholder}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

export function SelectField<Value extends string>({
  value,
  onChange,
  options,
  ...field
}: FieldProps & {
  readonly value: Value;
  readonly onChange: (value: Value) => void;
  readonly options: readonly (Value | { readonly value: Value; readonly label: string })[];
}) {
  return (
    <Field {...field}>
      {(ids) => (
        <select {...ids} className="tf-input" value={value} onChange={(event) => onChange(event.target.value as Value)}>
          {options.map((option) => {
            const entry = typeof option === 'string' ? { value: option, label: option } : option;
            return (
              <option key={entry.value} value={entry.value}>
                {entry.label}
              </option>
            );
          })}
        </select>
      )}
    </Field>
  );
}

export function Checkbox({
  label,
  help,
  checked,
  onChange,
}: {
  readonly label: string;
  readonly help?: ReactNode;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}) {
  return (
    <label className="tf-check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} />
      <span>
        {label}
        {help && <span className="tf-field-note">{help}</span>}
      </span>
    </label>
  );
}

/** A number by dragging or typing; both show the same value. */
export function Slider({
  label,
  unit,
  help,
  value,
  onChange,
  min,
  max,
  step = 1,
}: FieldProps & {
  readonly value: number;
  readonly onChange: (value: number) => void;
  readonly min: number;
  readonly max: number;
  readonly step?: number;
}) {
  return (
    <Field label={label} unit={unit} help={help}>
      {(ids) => (
        <div className="tf-slider">
          <input
            {...ids}
            type="range"
            min={min}
            max={max}
            step={step}
            value={value}
            style={{ '--fill': `${((value - min) / (max - min)) * 100}%` } as CSSProperties}
            onChange={(event) => onChange(Number(event.target.value))}
          />
          <input
            className="tf-input is-number"
            type="number"
            aria-label={`${label}, as a number`}
            min={min}
            max={max}
            step={step}
            value={value}
            onChange={(event) => event.target.value !== '' && onChange(Number(event.target.value))}
          />
        </div>
      )}
    </Field>
  );
}
