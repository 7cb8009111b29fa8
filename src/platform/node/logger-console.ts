/**
 * A JSON line as zap's console form: time, level and message between tabs, then the rest as JSON.
 * What is no JSON stays as it is.
 */
export function consoleLine(line: string): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const { level, ts, msg, ...fields } = record;
  const head = `${String(ts)}\t${String(level)}\t${String(msg)}`;
  const isEmpty = Object.keys(fields).length === 0;
  return isEmpty ? `${head}\n` : `${head}\t${JSON.stringify(fields)}\n`;
}
