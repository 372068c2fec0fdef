/** Where real data lies: the folder named by TENFOLD_DATA, or `../shared/data` beside the repository. */

/** The data folder, or undefined if there is none. Reads the environment and the disk; Node only. */
export function findDataFolder(): string | undefined {
  const named = process.env['TENFOLD_DATA'];
  const fs = process.getBuiltinModule('node:fs');
  const { fileURLToPath } = process.getBuiltinModule('node:url');
  const folder = named || fileURLToPath(new URL('../../../../shared/data', import.meta.url));
  return fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? folder : undefined;
}
