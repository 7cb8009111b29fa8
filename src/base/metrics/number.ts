/**
 * Go's shortest `'g'` form (strconv, which Prometheus' own writer uses) has an exponent from here
 * on.
 */
const exponentFrom = 6;
/** … and below this. */
const exponentBelow = -4;

/**
 * A sample value in Prometheus' text format, as Go servers write it: the shortest decimal that
 * reads back as the same double; with an exponent of at least two digits from 1e+06 on and below
 * 1e-04; `+Inf`, `-Inf` and `NaN` by name.
 */
export function formatSample(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  if (Number.isNaN(value)) return "NaN";
  if (value === 0) return "0";
  const scientific = value.toExponential();
  const cut = scientific.indexOf("e");
  const exponent = Number(scientific.slice(cut + 1));
  if (exponent >= exponentBelow && exponent < exponentFrom) return String(value);
  const digits = Math.abs(exponent).toString().padStart(2, "0");
  return `${scientific.slice(0, cut)}e${exponent < 0 ? "-" : "+"}${digits}`;
}
