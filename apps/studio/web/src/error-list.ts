/** Every error that Tenfold can give, from the declarations in the source (`npm run errors`). */
import rows from './error-list.generated.json' with { type: 'json' };

export interface ListedError {
  readonly code: string;
  readonly kind: string;
  readonly title: string;
  readonly fix: string;
}

export const ERROR_LIST: readonly ListedError[] = rows.map(([code, kind, title, fix]) => ({
  code: code!,
  kind: kind!,
  title: title!,
  fix: fix!,
}));
