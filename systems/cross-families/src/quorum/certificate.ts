/** Certificates of optimal load that the verifier checks with its own code. */
import { formatRational } from './rational.ts';
import type { Strategy } from './strategy.ts';
import type { QuorumExpr, QuorumSystem, Workload } from './types.ts';

export interface QuorumCertificateJson {
  readonly schema: 'quorums/1';
  readonly nodes: readonly { readonly id: string; readonly readCapacity: number; readonly writeCapacity: number }[];
  readonly reads: QuorumExpr;
  readonly writes: QuorumExpr;
  readonly workload: readonly { readonly readFraction: number; readonly weight: number }[];
  readonly readStrategy: readonly { readonly members: readonly string[]; readonly probability: string }[];
  readonly writeStrategy: readonly { readonly members: readonly string[]; readonly probability: string }[];
  readonly prices: readonly (readonly string[])[];
  readonly claim: { readonly load: string };
}

/** The certificate of a strategy that minimises load without limits and without failures to survive. */
export function quorumCertificate(system: QuorumSystem, workload: Workload, strategy: Strategy): QuorumCertificateJson {
  const side = (list: Strategy['reads']) =>
    list.map(({ members, probability }) => ({ members, probability: formatRational(probability) }));
  return {
    schema: 'quorums/1',
    nodes: system.nodes.map(({ id, readCapacity, writeCapacity }) => ({ id, readCapacity, writeCapacity })),
    reads: system.reads,
    writes: system.writes,
    workload: workload.map(({ readFraction, probability, weight }) => ({
      readFraction,
      weight: weight ?? probability,
    })),
    readStrategy: side(strategy.reads),
    writeStrategy: side(strategy.writes),
    prices: strategy.prices.map((row) => row.map(formatRational)),
    claim: { load: formatRational(strategy.value) },
  };
}

export function quorumCertificateArtifact(certificate: QuorumCertificateJson): {
  name: string;
  mediaType: string;
  bytes: Uint8Array;
} {
  return {
    name: 'quorum-certificate.json',
    mediaType: 'application/json',
    bytes: new TextEncoder().encode(JSON.stringify(certificate, undefined, 1)),
  };
}
