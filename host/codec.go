package host

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"amino.run/abi"
	"github.com/klauspost/compress/zstd"
)

// The form of an image in files and on the wire, integers little-endian:
//
//	"amino.image" 0x00, version u16 = 1
//	length u16 and program digest
//	pages u32, clock i64
//	number u32 of globals, u64 each
//	number u32 of chunks; each: u32 offset and u8 length, in blocks of 4 KiB
//	the chunks' bytes, one zstd frame
//	sha-256 of all before it
const (
	imageMagic   = "amino.image\x00"
	imageVersion = 1
)

// MaxImage is the largest marshalled image that ParseImage reads, in bytes.
const MaxImage = 4<<30 + 64<<20

var (
	encoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false))
		if err != nil {
			panic(err) // only wrong options make it fail
		}
		return e
	})
	decoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(4<<30))
		if err != nil {
			panic(err)
		}
		return d
	})
)

// Marshal returns the image in the form that ParseImage reads.
func (img *Image) Marshal() []byte {
	le := binary.LittleEndian
	b := append(make([]byte, 0, 256+13*len(img.chunks)+img.Size()/2), imageMagic...)
	b = img.appendHead(le.AppendUint16(b, imageVersion))
	b = le.AppendUint32(b, uint32(len(img.chunks)))
	var plain []byte
	for _, c := range img.chunks {
		b = append(le.AppendUint32(b, uint32(c.Off/blockSize)), byte(len(c.Data)/blockSize))
		plain = append(plain, c.Data...)
	}
	b = encoder().EncodeAll(plain, b)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// appendHead appends all but the chunks.
func (img *Image) appendHead(b []byte) []byte {
	le := binary.LittleEndian
	b = append(le.AppendUint16(b, uint16(len(img.Program))), img.Program...)
	b = le.AppendUint32(b, img.Pages)
	b = le.AppendUint64(b, uint64(img.Clock))
	b = le.AppendUint32(b, uint32(len(img.Globals)))
	for _, g := range img.Globals {
		b = le.AppendUint64(b, g)
	}
	return b
}

// ParseImage reads what Marshal wrote. Its error is of code Storage and says
// whether the bytes are of another version, cut short or damaged.
func ParseImage(b []byte) (*Image, error) {
	if len(b) < len(imageMagic)+2+sha256.Size || string(b[:len(imageMagic)]) != imageMagic {
		return nil, abi.Errorf(abi.Storage, "not a snapshot image: %d bytes without its header", len(b))
	}
	if len(b) > MaxImage {
		return nil, abi.Errorf(abi.Storage, "a snapshot image of %d bytes; the limit is %d", len(b), MaxImage)
	}
	if v := binary.LittleEndian.Uint16(b[len(imageMagic):]); v != imageVersion {
		return nil, abi.Errorf(abi.Storage, "a snapshot image of version %d; this Amino.Run reads version %d", v, imageVersion)
	}
	body := b[:len(b)-sha256.Size]
	if sum := sha256.Sum256(body); string(sum[:]) != string(b[len(body):]) {
		return nil, abi.Errorf(abi.Storage, "the snapshot image is damaged or cut short (%d bytes): its checksum does not match", len(b))
	}
	d := &imageReader{b: body[len(imageMagic)+2:]}
	img, sizes := d.header()
	if d.bad == "" {
		d.chunks(img, sizes)
	}
	if d.bad != "" {
		return nil, abi.Errorf(abi.Storage, "the snapshot image is not well-formed: %s", d.bad)
	}
	return img, nil
}

// An imageReader reads an image whose checksum is right; it is still not
// believed. The first fault sticks.
type imageReader struct {
	b   []byte
	bad string
}

func (d *imageReader) fail(why string) {
	if d.bad == "" {
		d.bad = why
	}
}

func (d *imageReader) take(n int) []byte {
	if n > len(d.b) {
		d.fail("it ends too early")
		d.b = nil
		return make([]byte, min(n, 8)) // no caller asks for more before it looks at bad
	}
	s := d.b[:n]
	d.b = d.b[n:]
	return s
}

func (d *imageReader) u32() uint32 { return binary.LittleEndian.Uint32(d.take(4)) }
func (d *imageReader) u64() uint64 { return binary.LittleEndian.Uint64(d.take(8)) }

// count reads the number of items of a size, and checks that they can be there.
func (d *imageReader) count(size int) int {
	n := d.u32()
	if uint64(n)*uint64(size) > uint64(len(d.b)) {
		d.fail("it announces more than it has")
		return 0
	}
	return int(n)
}

// head reads what appendHead appended.
func (d *imageReader) head() *Image {
	img := &Image{}
	if n := int(binary.LittleEndian.Uint16(d.take(2))); n <= len(d.b) {
		img.Program = string(d.take(n))
	} else {
		d.fail("it ends too early")
	}
	img.Pages = d.u32()
	img.Clock = int64(d.u64())
	for n := d.count(8); n > 0; n-- {
		img.Globals = append(img.Globals, d.u64())
	}
	if img.Pages > MaxPages {
		d.fail("it announces more memory than there can be")
	}
	return img
}

// header reads all but the chunks' bytes. The chunks have no data yet; sizes
// are the lengths they will have.
func (d *imageReader) header() (img *Image, sizes []int) {
	img = d.head()
	n := d.count(5)
	img.chunks = make([]Chunk, 0, n)
	sizes = make([]int, 0, n)
	for ; n > 0; n-- {
		off, size := uint64(d.u32())*blockSize, int(d.take(1)[0])*blockSize
		d.place(img, off, size)
		img.chunks = append(img.chunks, Chunk{Off: off})
		sizes = append(sizes, size)
	}
	return img, sizes
}

// place checks where the next chunk of img is to be.
func (d *imageReader) place(img *Image, off uint64, size int) {
	page := off / PageSize
	if size <= 0 || off%blockSize != 0 || size%blockSize != 0 || page != (off+uint64(size)-1)/PageSize ||
		len(img.chunks) > 0 && page <= img.chunks[len(img.chunks)-1].Off/PageSize {
		d.fail("its chunks are not one for each page, in order")
	}
	if page >= uint64(img.Pages) {
		d.fail("it has more memory than it announces")
	}
}

// trimmed checks that a chunk is as short as it can be.
func (d *imageReader) trimmed(c Chunk) {
	if n := len(c.Data); isZero(c.Data[:blockSize]) || isZero(c.Data[n-blockSize:]) {
		d.fail("a chunk begins or ends with zeros")
	}
}

func (d *imageReader) chunks(img *Image, sizes []int) {
	total := 0
	for _, n := range sizes {
		total += n
	}
	if claimed, err := frameSize(d.b); err != nil || claimed != uint64(total) {
		d.fail("its compressed part does not have the size it announces")
		return
	}
	plain, err := decoder().DecodeAll(d.b, make([]byte, 0, total))
	if err != nil || len(plain) != total {
		d.fail("its compressed part is broken")
		return
	}
	for i, n := range sizes {
		c := &img.chunks[i]
		c.Data, plain = plain[:n:n], plain[n:]
		d.trimmed(*c)
	}
}

// frameSize returns what a zstd frame says is its size when decompressed.
func frameSize(b []byte) (uint64, error) {
	var h zstd.Header
	if err := h.Decode(b); err != nil {
		return 0, err
	}
	return h.FrameContentSize, nil
}
