package host

// An Image is the whole state of a guest between two calls: the pages of linear
// memory that are not all zero, and the mutable globals.
type Image struct {
	Program string   // digest of the program it belongs to
	Pages   uint32   // size of linear memory, in pages of 64 KiB
	Globals []uint64 // bits of the mutable globals, in index order
}
