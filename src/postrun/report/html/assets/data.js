// The page's data: JSON for what is small, one deflated block for the numbers.
"use strict";

const page = JSON.parse(document.getElementById("page-data").textContent);

const store = { bytes: null, made: new Map() };

async function inflate() {
  const text = document.getElementById("page-numbers").textContent.trim();
  const binary = atob(text);
  const packed = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) packed[i] = binary.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  store.bytes = new Uint8Array(await new Response(stream).arrayBuffer());
}

// Findings and drawings are there without scripts; what failed is said where the charts would be.
function unable(error) {
  byId("charts").append(el("p", { role: "alert" }, `This browser cannot draw the charts (${error.message}). Findings and settings are complete; a current browser shows the rest.`));
}

// Bytes of equal significance lie together in the block: put each number's bytes side by side.
function unshuffle(offset, count, width) {
  const out = new Uint8Array(count * width);
  const from = store.bytes;
  for (let b = 0; b < width; b++) {
    let at = offset + b * count;
    for (let i = b; i < out.length; i += width) out[i] = from[at++];
  }
  return out.buffer;
}

// The array that a reference means, as Float64Array; made once.
function numbers(ref) {
  const key = `${ref.t}${ref.o}:${ref.n}:${ref.base}`;
  let known = store.made.get(key);
  if (known) return known;
  if (ref.t === "f8") known = new Float64Array(unshuffle(ref.o, ref.n, 8));
  else if (ref.t === "f4") known = Float64Array.from(new Float32Array(unshuffle(ref.o, ref.n, 4)));
  else {
    const steps = new Int32Array(unshuffle(ref.o, ref.n, 4));
    known = new Float64Array(ref.n + 1);
    let value = ref.base;
    known[0] = value * ref.unit;
    for (let i = 0; i < ref.n; i++) {
      value += steps[i];
      known[i + 1] = value * ref.unit;
    }
  }
  store.made.set(key, known);
  return known;
}
