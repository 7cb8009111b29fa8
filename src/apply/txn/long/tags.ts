/** Fields of a TxnRequest, as tags; all are messages. */
export const TxnTag = { compare: 0x0a, success: 0x12, failure: 0x1a } as const;

/** Members of a RequestOp, as tags; all are messages. */
export const OpTag = { range: 0x0a, put: 0x12, delete: 0x1a, txn: 0x22 } as const;
