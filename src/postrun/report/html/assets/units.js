// How values of a unit are written, and where an axis of them has its ticks.

const DECIMALS = Array.from({ length: 25 }, (_, i) => i - 12).flatMap((p) => [1, 2, 2.5, 5].map((k) => k * 10 ** p));
// Above 10 s only what divides minutes: else ticks read 80 s, 1.7 min, 2 min.
const SECONDS = [
  ...DECIMALS.filter((v) => v <= 10 && v !== 2.5), 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200,
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((d) => d * 86400),
].sort((a, b) => a - b);
const POWERS = Array.from({ length: 62 }, (_, i) => 2 ** i);

const PLAIN = { text: short, ticks: distinct };
const SCALES = {
  s: { text: elapsed, ticks: (list) => list.map((v) => (v == null ? "" : elapsed(v))), incrs: SECONDS },
  bytes: { text: bytes, ticks: (list) => list.map((v) => (v == null ? "" : bytes(v))), incrs: POWERS },
  "%": { ...PLAIN, whole: 100 },
};
const unitScale = (unit) => SCALES[unit] || PLAIN;

function bytes(value) {
  if (value == null || !isFinite(value)) return short(value);
  const size = Math.abs(value), power = Math.min(4, Math.max(0, Math.floor(Math.log2(size || 1) / 10)));
  return `${short(value / 1024 ** power)} ${["B", "KiB", "MiB", "GiB", "TiB"][power]}`;
}

// Ticks with so many digits that no two look alike, four if that is enough.
function distinct(list) {
  const known = list.filter((v) => v != null);
  for (let digits = 4; ; digits++) {
    if (digits === 14 || new Set(known.map((v) => short(v, digits))).size === known.length)
      return list.map((v) => (v == null ? "" : short(v, digits)));
  }
}

// A unit that the axis itself writes ("12 min", "1.5 GiB") is not in the title as well.
const titled = (title, unit) => (unit && !SCALES[unit]?.incrs ? `${title} (${unit})` : title);
