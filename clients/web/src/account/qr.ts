// A QR code (ISO/IEC 18004) of up to 271 bytes: byte mode, level L, one mask. What an authenticator app scans.

const CHECKS = [7, 10, 15, 20, 26, 18, 20, 24, 30, 18];
const BLOCKS = [1, 1, 1, 1, 1, 2, 2, 2, 2, 4];

/** The dark squares as one path, on a grid of `size` squares a side. */
export function qrPath(text: string): { path: string; size: number } {
  const bytes = new TextEncoder().encode(text);
  let version = 1;
  while (version < 10 && capacity(version) < bytes.length + (version > 9 ? 3 : 2)) version += 1;
  const size = 17 + 4 * version;
  const dark = Array.from({ length: size }, () => new Array<boolean>(size).fill(false));
  const fixed = Array.from({ length: size }, () => new Array<boolean>(size).fill(false));
  const set = (x: number, y: number, value: boolean): void => {
    const row = dark[y];
    const held = fixed[y];
    if (row === undefined || held === undefined || x < 0 || x >= size) return;
    row[x] = value;
    held[x] = true;
  };
  for (let at = 0; at < size; at += 1) {
    set(6, at, at % 2 === 0);
    set(at, 6, at % 2 === 0);
  }
  for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]] as const) square(set, x, y, 4, [2, 4]);
  const places = alignments(version, size);
  const last = places.length - 1;
  places.forEach((x, one) =>
    places.forEach((y, other) => {
      const finder = (one === 0 && (other === 0 || other === last)) || (one === last && other === 0);
      if (!finder) square(set, x, y, 2, [1]);
    }),
  );
  formats(set, version, size);
  let bit = 0;
  const words = interleaved(bytes, version);
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step += 1) {
      const y = ((right + 1) & 2) === 0 ? size - 1 - step : step;
      for (const x of [right, right - 1]) {
        const row = dark[y];
        if (row === undefined || fixed[y]?.[x] === true) continue;
        const value = ((words[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
        row[x] = (value === 1) !== ((x + y) % 2 === 0);
        bit += 1;
      }
    }
  }
  const path = dark.flatMap((row, y) => row.flatMap((on, x) => (on ? [`M${x} ${y}h1v1h-1z`] : []))).join("");
  return { path, size };
}

type Set = (x: number, y: number, value: boolean) => void;

/** Rings around a point: dark but for those of a distance in `light`. */
function square(set: Set, x: number, y: number, reach: number, light: readonly number[]): void {
  for (let down = -reach; down <= reach; down += 1) {
    for (let across = -reach; across <= reach; across += 1) {
      set(x + across, y + down, !light.includes(Math.max(Math.abs(across), Math.abs(down))));
    }
  }
}

function total(version: number): number {
  const lines = Math.floor(version / 7) + 2;
  const aligned = version > 1 ? (25 * lines - 10) * lines - 55 : 0;
  return ((16 * version + 128) * version + 64 - aligned - (version > 6 ? 36 : 0)) >> 3;
}

const of = (list: readonly number[], version: number): number => list[version - 1] ?? 0;
const capacity = (version: number): number => total(version) - of(CHECKS, version) * of(BLOCKS, version);

function alignments(version: number, size: number): number[] {
  if (version === 1) return [];
  const lines = Math.floor(version / 7) + 2;
  const step = Math.ceil((version * 4 + 4) / (lines * 2 - 2)) * 2;
  return [6, ...Array.from({ length: lines - 1 }, (_, index) => size - 7 - step * (lines - 2 - index))];
}

/** Level L and mask 0, twice; from version 7 on the version, twice. */
function formats(set: Set, version: number, size: number): void {
  const bits = (checked(8, 10, 0x537) ^ 0x5412) >>> 0;
  const on = (index: number): boolean => ((bits >> index) & 1) === 1;
  for (let index = 0; index < 15; index += 1) {
    const near = index < 6 ? index : index < 8 ? index + 1 : 0;
    if (index < 8) set(8, near, on(index));
    else set(index === 8 ? 7 : 14 - index, 8, on(index));
    if (index < 8) set(size - 1 - index, 8, on(index));
    else set(8, size - 15 + index, on(index));
  }
  set(8, size - 8, true);
  if (version < 7) return;
  const number = checked(version, 12, 0x1f25);
  for (let index = 0; index < 18; index += 1) {
    const value = ((number >> index) & 1) === 1;
    const [far, near] = [size - 11 + (index % 3), Math.floor(index / 3)];
    set(far, near, value);
    set(near, far, value);
  }
}

/** A number and its checks of `width` bits. */
function checked(number: number, width: number, divisor: number): number {
  let rest = number;
  for (let index = 0; index < width; index += 1) rest = (rest << 1) ^ ((rest >> (width - 1)) * divisor);
  return (number << width) | rest;
}

function interleaved(bytes: Uint8Array, version: number): number[] {
  const most = capacity(version);
  const long = version > 9;
  const head = long ? [bytes.length >> 8, bytes.length & 255] : [bytes.length];
  const nibbles = [4, ...[...head, ...bytes].flatMap((byte) => [byte >> 4, byte & 15]), 0];
  const data = Array.from({ length: nibbles.length >> 1 }, (_, index) => ((nibbles[2 * index] ?? 0) << 4) | (nibbles[2 * index + 1] ?? 0));
  for (let pad = 0xec; data.length < most; pad ^= 0xec ^ 0x11) data.push(pad);
  const [count, checks] = [of(BLOCKS, version), of(CHECKS, version)];
  const short = count - (total(version) % count);
  const width = Math.floor(total(version) / count) - checks;
  const blocks: number[][] = [];
  for (let index = 0, at = 0; index < count; index += 1) {
    const length = width + (index < short ? 0 : 1);
    blocks.push(data.slice(at, at + length));
    at += length;
  }
  const ends = blocks.map((block) => remainder(block, checks));
  const columns = (rows: readonly number[][], length: number): number[] =>
    Array.from({ length }, (_, index) => rows.flatMap((row) => row[index] ?? [])).flat();
  return [...columns(blocks, width + 1), ...columns(ends, checks)];
}

/** Reed–Solomon over GF(256), 0x11d. */
function remainder(block: readonly number[], checks: number): number[] {
  let divisor = [1];
  for (let index = 0, root = 1; index < checks; index += 1, root = times(root, 2)) {
    const before = divisor;
    divisor = [...before, 0].map((value, at) => value ^ times(before[at - 1] ?? 0, root));
  }
  const rest = new Array<number>(checks).fill(0);
  for (const byte of block) {
    const factor = byte ^ (rest.shift() ?? 0);
    rest.push(0);
    for (let at = 0; at < checks; at += 1) rest[at] = (rest[at] ?? 0) ^ times(divisor[at + 1] ?? 0, factor);
  }
  return rest;
}

function times(one: number, other: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) product = (product << 1) ^ ((product >> 7) * 0x11d) ^ (((other >> bit) & 1) * one);
  return product;
}
