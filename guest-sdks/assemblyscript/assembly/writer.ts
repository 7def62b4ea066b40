/** The major types of CBOR (RFC 8949, section 3.1). */
export namespace Major {
  export const Uint: u8 = 0;
  export const Nint: u8 = 1;
  export const Bytes: u8 = 2;
  export const Text: u8 = 3;
  export const List: u8 = 4;
  export const Map: u8 = 5;
  export const Tag: u8 = 6;
  export const Simple: u8 = 7;
}

/** Writer appends CBOR, each value in its shortest form, to a buffer that grows. */
export class Writer {
  /** The buffer; its first `length` bytes are written. */
  buffer: ArrayBuffer = new ArrayBuffer(64);
  length: i32 = 0;

  /** Empties the writer, and gives back a buffer that has become very large. */
  reset(): void {
    if (this.buffer.byteLength > 65536) this.buffer = new ArrayBuffer(64);
    this.length = 0;
  }

  /** Returns a copy of what is written. */
  finish(): ArrayBuffer {
    return this.buffer.slice(0, this.length);
  }

  /** Makes room for n more bytes and returns the address of the first. */
  private room(n: i32): usize {
    const need = this.length + n;
    if (need > this.buffer.byteLength) {
      const grown = new ArrayBuffer(max(need, 2 * this.buffer.byteLength));
      memory.copy(changetype<usize>(grown), changetype<usize>(this.buffer), this.length);
      this.buffer = grown;
    }
    const at = changetype<usize>(this.buffer) + this.length;
    this.length = need;
    return at;
  }

  byte(b: u8): void {
    store<u8>(this.room(1), b);
  }

  /** Appends a number of a frame: little-endian, not CBOR. */
  u16(n: u16): void {
    store<u16>(this.room(2), n);
  }

  /** Appends the n bytes at an address, which is not inside this writer's own buffer. */
  raw(from: usize, n: i32): void {
    memory.copy(this.room(n), from, n);
  }

  /** Puts a head before the bytes from offset at on: a length that is known only after the items. */
  insertHead(at: i32, major: u8, n: u64): void {
    const before = this.length;
    this.head(major, n);
    const size = this.length - before;
    const base = changetype<usize>(this.buffer);
    memory.copy(base + at + size, base + at, before - at);
    this.length = at;
    this.head(major, n);
    this.length = before + size;
  }

  /** Appends the head of an item: its major type and argument. */
  head(major: u8, n: u64): void {
    const m = major << 5;
    if (n < 24) {
      this.byte(m | <u8>n);
    } else if (n <= <u64>u8.MAX_VALUE) {
      this.byte(m | 24);
      this.byte(<u8>n);
    } else if (n <= <u64>u16.MAX_VALUE) {
      this.byte(m | 25);
      store<u16>(this.room(2), bswap<u16>(<u16>n));
    } else if (n <= <u64>u32.MAX_VALUE) {
      this.byte(m | 26);
      store<u32>(this.room(4), bswap<u32>(<u32>n));
    } else {
      this.byte(m | 27);
      store<u64>(this.room(8), bswap<u64>(n));
    }
  }

  nil(): void {
    this.byte(0xf6);
  }

  bool(v: bool): void {
    this.byte(v ? 0xf5 : 0xf4);
  }

  int<T extends number>(v: T): void {
    if (isSigned<T>() && v < 0) this.head(Major.Nint, ~(<u64>v));
    else this.head(Major.Uint, <u64>v);
  }

  /** Appends a float as the shortest of half, single and double that loses nothing. */
  float(v: f64): void {
    if (isNaN(v)) return this.half(0x7e00);
    const single = <f32>v;
    if (<f64>single != v) {
      this.byte(0xfb);
      store<u64>(this.room(8), bswap<u64>(reinterpret<u64>(v)));
      return;
    }
    const bits = reinterpret<u32>(single);
    const sign = (bits >> 16) & 0x8000;
    const exponent = <i32>((bits >> 23) & 0xff) - 127;
    const mantissa = bits & 0x7fffff;
    if (exponent == 128) return this.half(sign | 0x7c00);
    if (exponent == -127 && mantissa == 0) return this.half(sign);
    if (exponent >= -14 && exponent <= 15 && (mantissa & 0x1fff) == 0) {
      return this.half(sign | (<u32>(exponent + 15) << 10) | (mantissa >> 13));
    }
    if (exponent >= -24 && exponent < -14) { // a subnormal half
      const full = mantissa | 0x800000, shift = -1 - exponent;
      if ((full & ((1 << shift) - 1)) == 0) return this.half(sign | (full >> shift));
    }
    this.byte(0xfa);
    store<u32>(this.room(4), bswap<u32>(bits));
  }

  private half(bits: u32): void {
    this.byte(0xf9);
    store<u16>(this.room(2), bswap<u16>(<u16>bits));
  }

  /** Appends text; half a surrogate pair becomes U+FFFD. */
  text(s: string): void {
    const n = String.UTF8.byteLength(s);
    this.head(Major.Text, n);
    this.utf8(s);
  }

  /** Appends the bytes of s alone. */
  utf8(s: string): void {
    const n = String.UTF8.byteLength(s);
    const at = this.room(n);
    String.UTF8.encodeUnsafe(changetype<usize>(s), s.length, at, false, String.UTF8.ErrorMode.REPLACE);
  }

  bytes(from: usize, n: i32): void {
    this.head(Major.Bytes, n);
    this.raw(from, n);
  }
}
