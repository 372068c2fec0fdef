/** Class names in one string; falsy parts are left out. */
export function joinClasses(...parts: readonly (string | false | undefined)[]): string {
  return parts.filter(Boolean).join(' ');
}
