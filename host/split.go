package host

import "amino.run/abi"

// Split returns an image in parts: its chunks, and all else, which is small. Where two
// images of one guest share a chunk, its bytes are in one place: it did not change.
func (img *Image) Split() (head []byte, chunks []Chunk) {
	return img.appendHead(nil), img.chunks
}

// JoinImage makes an image of what Split returned; it keeps chunks. Its error is of
// code Storage.
func JoinImage(head []byte, chunks []Chunk) (*Image, error) {
	d := &imageReader{b: head}
	img := d.head()
	if len(d.b) > 0 {
		d.fail("its head is too long")
	}
	for _, c := range chunks {
		if d.place(img, c.Off, len(c.Data)); d.bad == "" {
			d.trimmed(c)
		}
		img.chunks = append(img.chunks, c)
	}
	if d.bad != "" {
		return nil, abi.Errorf(abi.Storage, "the snapshot image is not well-formed: %s", d.bad)
	}
	return img, nil
}
