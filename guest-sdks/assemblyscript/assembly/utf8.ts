/** Tells whether the n bytes at an address are UTF-8 (RFC 3629): no surrogates, nothing longer than it need be. */
export function validUtf8(at: usize, n: i32): bool {
  const end = at + n;
  while (at < end) {
    const lead = <u32>load<u8>(at++);
    if (lead < 0x80) continue;
    let more = 0, least: u32 = 0;
    if ((lead & 0xe0) == 0xc0) { more = 1; least = 0x80; }
    else if ((lead & 0xf0) == 0xe0) { more = 2; least = 0x800; }
    else if ((lead & 0xf8) == 0xf0) { more = 3; least = 0x10000; }
    else return false;
    if (at + more > end) return false;
    let point = lead & (0x3f >> more);
    for (; more > 0; more--) {
      const next = <u32>load<u8>(at++);
      if ((next & 0xc0) != 0x80) return false;
      point = (point << 6) | (next & 0x3f);
    }
    if (point < least || point > 0x10ffff || (point & 0x1ff800) == 0xd800) return false;
  }
  return true;
}
