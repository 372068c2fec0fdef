/** Error codes of the room. */
import { defineErrors } from '@tenfold/core/base';

export const prefixError = defineErrors({
  'TF-PREFIX-001': {
    kind: 'input',
    title: 'The capacity cannot hold one checkpoint',
    fix: 'Give at least the bytes of one recurrent state plus one token of keys and values.',
  },
  'TF-PREFIX-002': {
    kind: 'input',
    title: 'A config.json has a layer or field that has no cost rule',
    fix: 'Use a model type that is listed, or give the missing field.',
  },
  'TF-PREFIX-003': {
    kind: 'input',
    title: 'A trace or another input file is missing or malformed',
    fix: 'Correct the named file or line; the formats stand in the README of the room.',
  },
  'TF-PREFIX-004': {
    kind: 'input',
    title: 'A snapshot belongs to another model or version',
    fix: 'Load it with the model that wrote it, or start with an empty cache.',
  },
  'TF-PREFIX-005': {
    kind: 'bug',
    title: 'An invariant of the cache does not hold',
    fix: 'Please report it with the operation sequence.',
  },
  'TF-PREFIX-006': {
    kind: 'usage',
    title: 'A policy, bound or format is unknown',
    fix: 'Use one of the names that the message lists.',
  },
  'TF-PREFIX-007': {
    kind: 'input',
    title: 'A model folder cannot be used by the engine',
    fix: 'Give a folder with config.json, model.safetensors and tokenizer.json in Nemotron-H layout.',
  },
  'TF-PREFIX-008': {
    kind: 'input',
    title: 'A request to the engine or server is out of range',
    fix: 'Shorten the prompt or correct the token ids.',
  },
  'TF-PREFIX-009': {
    kind: 'environment',
    title: 'An optional package is not installed',
    fix: 'Run "npm install node-llama-cpp" beside the repository, or serve the room’s own model.',
  },
  'TF-PREFIX-010': {
    kind: 'environment',
    title: 'The server cannot listen on the address',
    fix: 'Choose a free port, and a host of this machine.',
  },
  'TF-PREFIX-011': {
    kind: 'usage',
    title: 'A server that others can reach asks for no key',
    fix: 'Give --api-key, or listen on 127.0.0.1.',
  },
  'TF-PREFIX-012': {
    kind: 'input',
    title: 'The requests of a trace are out of order (a warning)',
    fix: 'Nothing needs to be done if the times are right: requests are replayed in order of time.',
  },
  'TF-PREFIX-013': {
    kind: 'input',
    title: 'A trace has lengths and no contents (a warning)',
    fix: 'Study load with it, not hit rates: what its prompts share is assumed. Use a trace of tokens or hashes for hit rates.',
  },
});
