/** Params from text: command-line words, form fields and query strings become the values that a schema expects. */
import type { ParamField, ParamType } from './param-fields.ts';

/** Converts the text of a field; text that does not fit stays text, so that the schema check words the error.
 *  @param field  says the type
 *  @param text  one text, or several for a repeated option */
export function paramFromText(field: ParamField, text: string | readonly string[]): unknown {
  if (field.type === 'array') {
    const texts = typeof text === 'string' ? [text] : text;
    return texts.flatMap((part) => listFromText(part, field.itemType ?? 'string'));
  }
  return scalarFromText(field.type, typeof text === 'string' ? text : (text[text.length - 1] ?? ''));
}

function scalarFromText(type: ParamType, text: string): unknown {
  switch (type) {
    case 'string':
      return text;
    case 'number':
    case 'integer':
      return numberFromText(text);
    case 'bigint':
      return /^[+-]?\d+$/.test(text) ? BigInt(text) : text;
    case 'boolean':
      return booleanFromText(text);
    case 'array':
    case 'object':
    case 'union':
      return jsonFromText(text);
  }
}

/** `a,b,c`, a JSON list, or one value. */
function listFromText(text: string, itemType: ParamType): unknown[] {
  if (/^\s*\[/.test(text)) {
    const parsed = jsonFromText(text);
    if (Array.isArray(parsed)) return parsed;
  }
  if (itemType === 'object' || itemType === 'array') return [jsonFromText(text)];
  return text.split(',').map((part) => scalarFromText(itemType, part.trim()));
}

function numberFromText(text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === '' || !/^[+-]?(\d|\.\d|Infinity$)/.test(trimmed)) return text;
  const value = Number(trimmed.replaceAll('_', ''));
  return Number.isNaN(value) ? text : value;
}

function booleanFromText(text: string): unknown {
  if (/^(true|yes|on|1)$/i.test(text)) return true;
  if (/^(false|no|off|0)$/i.test(text)) return false;
  return text;
}

function jsonFromText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
