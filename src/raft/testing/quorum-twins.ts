import { ALL_COMMITTED } from "../quorum/committed-index.ts";
import { JointConfig } from "../quorum/joint.ts";
import type { Known, MajorityConfig } from "../quorum/majority.ts";

/** The committed index found another way. */
export interface Alternative {
  readonly way: string;
  readonly index: number;
}

/** The committed index in every other way there is: all must agree. */
export function alternatives(
  config: MajorityConfig,
  outgoing: MajorityConfig | null,
  acked: Known<number>,
): readonly Alternative[] {
  if (outgoing !== null) {
    const index = new JointConfig(outgoing, config).committedIndex(acked);
    return [{ way: "via symmetry", index }];
  }
  const index = config.committedIndex(acked);
  return [
    { way: "via alternative computation", index: countedIndex(config.ids, acked) },
    { way: "via zero-joint quorum", index: new JointConfig(config).committedIndex(acked) },
    { way: "via self-joint quorum", index: new JointConfig(config, config).committedIndex(acked) },
    ...config.ids.flatMap((id) => lowered(config, acked, { id, index })),
  ];
}

/** The definition itself: the highest index that more than half have reached. */
export function countedIndex(ids: readonly bigint[], acked: Known<number>): number {
  if (ids.length === 0) return ALL_COMMITTED;
  let best = 0;
  for (const id of ids) {
    const index = acked.get(id) ?? 0;
    const reached = ids.filter((other) => (acked.get(other) ?? 0) >= index).length;
    if (2 * reached > ids.length && index > best) best = index;
  }
  return best;
}

/** A voter that is behind the result may fall back further: nothing changes. */
function lowered(
  config: MajorityConfig,
  acked: Known<number>,
  of: { readonly id: bigint; readonly index: number },
): readonly Alternative[] {
  const index = acked.get(of.id) ?? 0;
  if (index === 0 || index >= of.index) return [];
  return [index - 1, 0].map((less) => {
    const overlaid = { get: (id: bigint) => (id === of.id ? less : acked.get(id)) };
    return { way: `overlaying ${of.id}->${less}`, index: config.committedIndex(overlaid) };
  });
}
