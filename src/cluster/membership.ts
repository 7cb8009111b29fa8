/** One member of the cluster as every member knows it. */
export interface ClusterMember {
  readonly id: bigint;
  readonly name: string;
  /** Sorted. */
  readonly peerUrls: readonly string[];
  /** Empty until the member published itself. */
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

/** The replicated membership: changed by applied entries only. */
export class Membership {
  readonly #members = new Map<bigint, ClusterMember>();
  /** Major and minor with patch 0, as `3.7.0`; null before it is decided. */
  clusterVersion: string | null = null;

  add(member: ClusterMember): void {
    this.#members.set(member.id, member);
  }

  /** What a member published of itself; unknown ids are ignored. */
  publish(id: bigint, name: string, clientUrls: readonly string[]): void {
    const member = this.#members.get(id);
    if (member !== undefined) this.#members.set(id, { ...member, name, clientUrls });
  }

  get(id: bigint): ClusterMember | undefined {
    return this.#members.get(id);
  }

  /** All members, by id ascending (semantics.md M8). */
  list(): ClusterMember[] {
    return [...this.#members.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}

/**
 * The context of a bootstrap's configuration change (formats-disk.md 6.4). Ids go beyond 2^53, so
 * the number is written as text.
 */
export function encodeMemberContext(member: ClusterMember): Uint8Array {
  const rest = JSON.stringify({ peerURLs: member.peerUrls, name: member.name });
  return new TextEncoder().encode(`{"id":${member.id},${escapeAsGo(rest.slice(1))}`);
}

/** Go's JSON encoder escapes these three in strings, and they occur nowhere else. */
function escapeAsGo(json: string): string {
  return json.replace(/[<>&]/gu, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
}

/** Reads a member context; null when it is not one. */
export function decodeMemberContext(context: Uint8Array): ClusterMember | null {
  const text = new TextDecoder().decode(context);
  const id = /"id"\s*:\s*(\d+)/u.exec(text)?.[1];
  if (id === undefined) return null;
  try {
    const parsed = JSON.parse(text.replace(/("id"\s*:\s*)\d+/u, "$10")) as {
      peerURLs?: string[] | null;
      name?: string;
      isLearner?: boolean;
      clientURLs?: string[];
    };
    return {
      id: BigInt(id),
      name: parsed.name ?? "",
      peerUrls: [...(parsed.peerURLs ?? [])].sort(),
      clientUrls: parsed.clientURLs ?? [],
      isLearner: parsed.isLearner ?? false,
    };
  } catch {
    return null;
  }
}
