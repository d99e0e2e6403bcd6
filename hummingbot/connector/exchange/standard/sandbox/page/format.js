// Numbers and times for people. Amounts arrive as exact decimals in strings and are cut here, never turned into floats.

/** A decimal with exactly so many decimals, cut towards zero, with thousands separated. */
export function fixed(text, digits) {
  const negative = text.startsWith("-");
  const [whole, fraction = ""] = text.replace("-", "").split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  const shown = digits > 0 ? `${grouped}.${fraction.slice(0, digits).padEnd(digits, "0")}` : grouped;
  return negative ? `-${shown}` : shown;
}

/** How long ago, in words that do not jump about. */
export function ago(seconds) {
  if (seconds === null) return "never";
  if (seconds < 10) return `${seconds.toFixed(1)} s ago`;
  if (seconds < 120) return `${Math.floor(seconds)} s ago`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min ago`;
  return `${Math.floor(seconds / 3600)} h ago`;
}

/** The local time of day of a block. */
export function time(timestamp) {
  return new Date(timestamp * 1000).toLocaleTimeString("en-GB");
}
