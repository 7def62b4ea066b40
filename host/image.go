package host

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"sort"
)

// PageSize is the size of a page of linear memory, in bytes.
const PageSize = 64 << 10

// MaxPages is the most memory a guest may have, in pages.
const MaxPages = 65535

// blockSize is the grain of images: blocks that are all zero at the ends of a
// page are left out.
const blockSize = 4 << 10

// An Image is the whole state of a guest between two calls: the parts of linear
// memory that are not all zero, the mutable globals and the guest's clock. It does
// not change once it is made, and images share what they have in common.
type Image struct {
	Program string   // digest of the program it belongs to
	Pages   uint32   // size of linear memory, in pages of 64 KiB
	Globals []uint64 // bits of the mutable globals, in index order
	Clock   int64    // the guest's monotonic clock, nanoseconds

	chunks []Chunk
}

// A Chunk is a part of one page of memory: from its first block of 4 KiB that is
// not all zero to its last. There is at most one for each page.
type Chunk struct {
	Off  uint64 // in memory, bytes
	Data []byte // read only; whole blocks
}

// Capture returns the image of a guest whose memory is mem, of whole pages. The
// chunks that equal those of prev, which may be nil, are shared with it: then
// nothing is allocated for them. It copies what it keeps of mem.
func Capture(program string, mem []byte, globals []uint64, clock int64, prev *Image) *Image {
	img := &Image{Program: program, Pages: uint32(len(mem) / PageSize), Globals: globals, Clock: clock}
	var old []Chunk
	if prev != nil {
		old = prev.chunks
		img.chunks = make([]Chunk, 0, len(old)+4)
	}
	for p := 0; p < len(mem); p += PageSize {
		for len(old) > 0 && old[0].Off < uint64(p) {
			old = old[1:]
		}
		page := mem[p : p+PageSize]
		if len(old) > 0 && old[0].Off < uint64(p+PageSize) && old[0].is(page, p) {
			img.chunks = append(img.chunks, old[0])
			continue
		}
		if from, to := trim(page); from < to {
			img.chunks = append(img.chunks, Chunk{uint64(p + from), append([]byte(nil), page[from:to]...)})
		}
	}
	return img
}

// is reports whether page, which lies at p, holds just the chunk.
func (c Chunk) is(page []byte, p int) bool {
	from := int(c.Off) - p
	to := from + len(c.Data)
	return bytes.Equal(page[from:to], c.Data) && isZero(page[:from]) && isZero(page[to:])
}

// trim returns the place in page of the blocks that are not all zero.
func trim(page []byte) (from, to int) {
	for to = len(page); from < to && isZero(page[from:from+blockSize]); {
		from += blockSize
	}
	for from < to && isZero(page[to-blockSize:to]) {
		to -= blockSize
	}
	return from, to
}

var zeros [PageSize]byte

func isZero(b []byte) bool { return bytes.Equal(b, zeros[:len(b)]) }

// CopyTo writes the image's memory to mem, which has at least its size. What lies
// between the chunks is cleared, unless fresh says that mem is all zero.
func (img *Image) CopyTo(mem []byte, fresh bool) {
	at := 0
	for _, c := range img.chunks {
		if !fresh {
			wipe(mem[at:c.Off])
		}
		at = int(c.Off) + copy(mem[c.Off:], c.Data)
	}
	if !fresh {
		wipe(mem[at:])
	}
}

// wipe clears b. It writes only to blocks that need it: a write to memory that
// was never touched makes the system provide it.
func wipe(b []byte) {
	for len(b) > 0 {
		n := min(len(b), blockSize)
		if !isZero(b[:n]) {
			clear(b[:n])
		}
		b = b[n:]
	}
}

// Size returns the bytes of memory that the image holds, shared or not.
func (img *Image) Size() int {
	n := 8 * len(img.Globals)
	for _, c := range img.chunks {
		n += len(c.Data)
	}
	return n
}

// Digest returns the sha-256, in hex, of the state: two guests of one program whose
// memory and globals are equal have the same. The clock is not part of it.
func (img *Image) Digest() string {
	h := sha256.New()
	var n [8]byte
	put := func(h hash.Hash, v uint64) {
		binary.LittleEndian.PutUint64(n[:], v)
		h.Write(n[:])
	}
	put(h, uint64(len(img.Program)))
	h.Write([]byte(img.Program))
	put(h, uint64(img.Pages))
	put(h, uint64(len(img.Globals)))
	for _, g := range img.Globals {
		put(h, g)
	}
	for _, c := range img.chunks {
		put(h, c.Off)
		put(h, uint64(len(c.Data)))
		h.Write(c.Data)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// A builder collects writes to a memory that is large and mostly empty.
type builder struct{ pages map[uint64]*[PageSize]byte }

func (b *builder) write(at uint64, data []byte) {
	if b.pages == nil {
		b.pages = map[uint64]*[PageSize]byte{}
	}
	for len(data) > 0 {
		p := b.pages[at/PageSize]
		if p == nil {
			p = new([PageSize]byte)
			b.pages[at/PageSize] = p
		}
		n := copy(p[at%PageSize:], data)
		at, data = at+uint64(n), data[n:]
	}
}

func (b *builder) chunks() (cs []Chunk) {
	for i, p := range b.pages {
		if from, to := trim(p[:]); from < to {
			cs = append(cs, Chunk{i*PageSize + uint64(from), p[from:to:to]})
		}
	}
	sort.Slice(cs, func(i, j int) bool { return cs[i].Off < cs[j].Off })
	return cs
}
